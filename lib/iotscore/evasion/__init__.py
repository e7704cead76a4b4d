"""How far attackers get who take care: simulated attacks that are slowed, padded and dealt out.

All of it is synthetic: packets of :mod:`iotscore.simulate` through its statistics, never edited
features. See ``docs/evaluation.md``.
"""

from iotscore.evasion.curve import EVASION, Evasion, measure_evasion

__all__ = ["EVASION", "Evasion", "measure_evasion"]
