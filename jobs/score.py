"""Records to the table scores: those that the model has not scored yet.

./spark-submit.sh score --warehouse DIR [--model VERSION]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.score import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
