"""Raw scores to one scale, their fusion, and where flags start."""
