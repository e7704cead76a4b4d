"""Synthetic traffic in the 92-file layout of N-BaIoT: packets in, 115 statistics out.

``python -m iotscore.simulate --rows 200000 --out DIR --seed 1``; see ``docs/demo-data.md``.
"""
