"""Keep the tables small and quick: merge small files, delete dead ones, shorten the logs.

./spark-submit.sh maintain --warehouse DIR [--after-pause]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.maintain import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
