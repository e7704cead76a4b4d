"""Landing CSVs to the table traffic.

./spark-submit.sh ingest --input DIR --warehouse DIR
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.ingest import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
