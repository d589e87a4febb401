"""How it is run: the demo city, and what a data plane needs."""
