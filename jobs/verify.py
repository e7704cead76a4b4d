"""Prove a warehouse: counts, keys, checksums, a sample of scores.

./spark-submit.sh verify --warehouse DIR [--sample N] [--model VERSION]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.verify import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
