"""The issuer's administration: what differs from the plan, and mending it."""
