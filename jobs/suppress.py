"""A decision not to hear of something for a while: write it, or see what it would hide.

./spark-submit.sh suppress --warehouse DIR [--kind KIND] [--device PATTERN] ... --reason TEXT
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.suppress import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
