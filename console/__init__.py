"""The desks: citizen, department administrator, the three administrators; and every page, refusals included."""
