"""SQL on a warehouse, read-only."""
