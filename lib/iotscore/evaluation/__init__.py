"""Counted scores to figures: which records a figure is about, and the figure itself."""
