"""Scores and labels to the tables metrics and roc_points.

./spark-submit.sh evaluate --warehouse DIR [--model VERSION]

or, fitting anew, to the table protocol_figures, or to robustness_figures, by a protocol
(docs/evaluation.md):

./spark-submit.sh evaluate --warehouse DIR --protocol NAME
"""

from __future__ import annotations

import sys

from iotscore.cli.arguments import add_model, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.robustness import ROBUSTNESS, robustness_stage
from iotscore.cli.stages import evaluate_stage, protocol_stage
from iotscore.cli.tables.night import print_evaluation
from iotscore.cli.tables.protocols import print_protocol
from iotscore.cli.tables.robustness import print_robustness
from iotscore.evaluation.protocols import PROTOCOLS


def main(argv: list[str]) -> int:
    """Evaluate and return the exit code."""
    parser = job_parser("evaluate", "Measure a model on labelled records.", reads_input=False)
    add_model(parser)
    parser.add_argument(
        "--protocol",
        choices=(*PROTOCOLS, *ROBUSTNESS),
        help="fit and measure by this protocol, instead of measuring a model's stored scores",
    )
    return run_job("evaluate", parser.parse_args(argv), _evaluate)


def _evaluate(job: Job) -> None:
    if job.arguments.protocol in ROBUSTNESS:
        print_robustness(robustness_stage(job, job.arguments.protocol))
        return
    if job.arguments.protocol is not None:
        print_protocol(protocol_stage(job, job.arguments.protocol))
        return
    evaluation_id = evaluate_stage(job, job.arguments.model)
    if evaluation_id is not None:
        print_evaluation(job, evaluation_id)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
