"""Challengers compared with the champion."""
