"""Which grade, and does it hold? (grade, control, probe, finding, self-assessment)"""
