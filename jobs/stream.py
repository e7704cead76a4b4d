"""Files as they arrive in the landing folder to traffic, scores, explanations and incidents.

./spark-submit.sh stream --input DIR --warehouse DIR [--once]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.stream import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
