"""Watching over nights: what moved, what is missing, and who should hear of it. No engine here."""
