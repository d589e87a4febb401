"""The data plane's half of the door, as shipped: snippets, and what fills them in."""
