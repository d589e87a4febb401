"""What people do, in their browser; a package, so that a city ends with its last test."""
