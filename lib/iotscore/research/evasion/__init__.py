"""Evasive attacks: simulated ones that are slowed, padded and spread over connections.

All of it is synthetic: packets of :mod:`iotscore.simulate` through its statistics, never edited
features. See ``docs/evaluation.md``.
"""
