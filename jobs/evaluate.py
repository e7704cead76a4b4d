"""Scores and labels to the tables metrics and roc_points.

./spark-submit.sh evaluate --warehouse DIR [--model VERSION]

or, fitting anew, to the table protocol_figures, or to robustness_figures, by a protocol
(docs/evaluation.md):

./spark-submit.sh evaluate --warehouse DIR --protocol NAME
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
