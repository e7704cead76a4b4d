"""The tables of a warehouse: one contract, two ways to reach Delta Lake."""
