"""New nights to the tables drift and alerts: what moved, what is missing, what is too much.

./spark-submit.sh monitor --warehouse DIR [--model VERSION] [--fail-on SEVERITY]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.monitor import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
