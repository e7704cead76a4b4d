"""Configuration: YAML files and ``--set`` pairs, checked as a whole before anything runs."""

from iotscore.config.load import load_settings
from iotscore.config.settings import Settings

__all__ = ["Settings", "load_settings"]
