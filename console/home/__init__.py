"""A person's own page: her portals, her sessions."""
