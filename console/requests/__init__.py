"""The desk of requests that wait for a second person."""
