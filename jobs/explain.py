"""Flagged records to the tables explanations and incidents: what was flagged, and why.

./spark-submit.sh explain --warehouse DIR [--model VERSION]

or Shapley values of the autoencoder's scores of some labelled records, as in the published reports,
to the table shap_values:

./spark-submit.sh explain --warehouse DIR --shap
"""

from __future__ import annotations

import sys

from iotscore.cli.commands.explain import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
