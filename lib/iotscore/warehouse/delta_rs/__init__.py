"""Tables in folders, read and written by Python workers and delta-rs."""
