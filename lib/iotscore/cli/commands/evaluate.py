"""The job ``evaluate``: figures of stored scores, or of models fitted again by a protocol."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import iotscore
from iotscore.cli.arguments import add_model, home, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.options import protocol_run
from iotscore.cli.stages import evaluate_stage, protocol_stage
from iotscore.cli.tables.night import print_evaluation
from iotscore.cli.tables.protocols import print_protocol
from iotscore.cli.tables.robustness import print_robustness
from iotscore.errors import EnvironmentFaultError
from iotscore.evaluation.protocols.evaluate import PROTOCOLS
from iotscore.warehouse.figure_columns import EVASION, POISONING

if TYPE_CHECKING:
    Row = dict[str, Any]

ROBUSTNESS: Final = (POISONING, EVASION)
"""Names of the protocols; ``docs/evaluation.md`` says what each answers."""
_LOG = logging.getLogger(__name__)


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
    protocol = job.arguments.protocol
    if protocol is None:
        evaluation_id = evaluate_stage(job, job.arguments.model)
        if evaluation_id is not None:
            print_evaluation(job, evaluation_id)
    elif protocol in ROBUSTNESS:
        print_robustness(robustness_stage(job, protocol))
    else:
        print_protocol(protocol_stage(job, protocol))


def robustness_stage(job: Job, name: str) -> list[Row]:
    """Measure by a protocol, poisoning or evasion; return the figures."""
    find_research()
    from iotscore.research.stage import evaluate_robustness

    run = protocol_run(job.settings, name)
    with job.runs.stage("evaluate") as stage:
        result = evaluate_robustness(job.context(), run)
        stage.report(result)
    _LOG.info("evaluate: %s, %d figures (%.1f s)", name, len(result.figures), stage.seconds)
    return result.figures


def find_research() -> None:
    """Let the driver import what the archive for executors leaves out.

    Raises
    ------
    EnvironmentFaultError
        It is nowhere.
    """
    folder = str(home().resolve() / "lib" / "iotscore")
    if folder not in iotscore.__path__:
        iotscore.__path__.append(folder)
    if find_spec("iotscore.research") is None:
        message = (
            f"this protocol is research code, which executors do not get, and {folder} has none:"
            " set IOTSCORE_HOME to the folder of the project"
        )
        raise EnvironmentFaultError(message)
