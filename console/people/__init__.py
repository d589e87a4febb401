"""The desk of people and their roles."""
