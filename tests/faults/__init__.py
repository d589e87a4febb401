"""Faults of the embedded city, really caused; a package, so that its one city ends with its last test."""
