"""Landing files to ``traffic``."""
