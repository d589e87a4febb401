"""The desk of keys and the key service."""
