"""Records to scores."""
