"""What a night found, as one page: ``report.html`` and its pictures.

./spark-submit.sh report --warehouse DIR --out DIR [--model VERSION]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.report import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
