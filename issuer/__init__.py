"""The local issuer: a program of its own, which imports nothing of idp."""
