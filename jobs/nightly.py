"""What runs every night: ingest, train if there is no champion yet, score, and what follows.

./spark-submit.sh nightly --input DIR --warehouse DIR [--train] [--date DAY] [--report DIR]

What follows: evaluate, explain, monitor, and the report if it is asked for.
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.nightly import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
