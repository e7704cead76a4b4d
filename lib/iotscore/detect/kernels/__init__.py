"""Compiled loops over plain arrays, one module per detector."""
