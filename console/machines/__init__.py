"""The desk of machines and quotas."""
