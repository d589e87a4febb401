"""May they? (subject, department, object, action; PDP, PAP, label, clearance, ceiling, lease)"""
