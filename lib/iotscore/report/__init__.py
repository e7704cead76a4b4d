"""The report of a night: what it says, its pictures, its page. No engine, no tables."""
