"""The commands by what they are about; what asks the city for something asks it through the door, as a person."""
