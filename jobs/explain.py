"""Flagged records to the tables explanations and incidents: what was flagged, and why.

./spark-submit.sh explain --warehouse DIR [--model VERSION]

or Shapley values of the autoencoder's scores of some labelled records, as in the published reports,
to the table shap_values:

./spark-submit.sh explain --warehouse DIR --shap
"""

from __future__ import annotations

import sys

from iotscore.cli.arguments import add_model, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.shap import shap_stage
from iotscore.cli.stages import explain_stage


def main(argv: list[str]) -> int:
    """Explain and return the exit code."""
    parser = job_parser("explain", "Say why records are flagged.", reads_input=False)
    add_model(parser)
    parser.add_argument(
        "--shap",
        action="store_true",
        help="estimate Shapley values of the autoencoder's scores, within explain.shap.seconds",
    )
    return run_job("explain", parser.parse_args(argv), _explain)


def _explain(job: Job) -> None:
    if job.arguments.shap:
        shap_stage(job)
        return
    explain_stage(job, job.arguments.model)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
