"""Commands of the rooms: each a client of the door, as a person."""
