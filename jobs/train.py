"""Benign records to a model, which becomes the champion.

./spark-submit.sh train --warehouse DIR [--candidate | --anew]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.train import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
