"""Tables and views under names in the session's catalogue, such as a Hive metastore.

./spark-submit.sh register --warehouse DIR --schema NAME [--catalog NAME]
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.register import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
