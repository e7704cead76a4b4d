"""What jobs print at their end."""
