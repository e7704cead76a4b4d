"""Training and the registry of models."""
