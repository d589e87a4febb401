"""The desk of backups and drills."""
