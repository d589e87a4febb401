"""The desk of zones and the flows between them."""
