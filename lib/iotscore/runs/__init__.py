"""The record of runs and stages, and what a killed one leaves."""
