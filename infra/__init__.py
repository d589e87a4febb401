"""Which machine, which zone? Zones and flows, quota, placement, machines and what they cost."""
