"""Pinned baselines: small, written well, sharing no code with what they are compared to."""
