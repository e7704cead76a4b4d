"""The model registry: which models there are, which one is in use, and changing that.

./spark-submit.sh models list|show|compare|promote|rollback|export ... --warehouse DIR
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.models import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
