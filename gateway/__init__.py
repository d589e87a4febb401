"""The door. (PEP, route, stage, assertion, problem) Read pipeline.py first."""
