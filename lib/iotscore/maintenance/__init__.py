"""Compaction, retention and clean-up."""
