"""A module for each job: its parser, and what it does with the warehouse."""
