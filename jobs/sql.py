"""Read-only queries over the tables.

./spark-submit.sh sql --warehouse DIR "SELECT …" [--format table|csv|json]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.sql import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
