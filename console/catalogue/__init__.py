"""The desk of resources, apps and shares."""
