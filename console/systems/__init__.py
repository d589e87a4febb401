"""The desk of systems: grades, self-assessments, answers to controls."""
