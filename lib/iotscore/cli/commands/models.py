"""The job ``models``: look into the registry, promote, roll back, export."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.cli.arguments import absolute, add_settings
from iotscore.cli.job import (
    Job,
    checked_settings,
    configured_warehouse,
    guarded,
    run_job,
    session,
)
from iotscore.cli.tables.models import print_challenge, print_model, print_models
from iotscore.command_line import CommandParser
from iotscore.errors import EnvironmentFaultError, InputError, ModelError, PromotionError
from iotscore.models.export.folder import write_folder
from iotscore.models.export.onnx_model import to_onnx
from iotscore.models.registry import (
    FORCED,
    PROMOTED,
    champion,
    load_model,
    promote,
    roll_back,
)
from iotscore.promotion.challenge import challenge

if TYPE_CHECKING:
    import argparse

    from iotscore.models.stored import StoredModel
    from iotscore.runs.run_log import Stage

_LOG = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Do one action on the registry and return the exit code (2: a check failed)."""
    parser = CommandParser(prog="./spark-submit.sh models", description="The model registry.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = {
        name: actions.add_parser(name, help=text, description=text)
        for name, text in {
            "list": "show all models, and which one is the champion",
            "show": "show what a model was made of, and when it was the champion",
            "compare": "try a model and the champion, or another one, on the same records",
            "promote": "make a model the champion if it passes the checks",
            "rollback": "make the champion before this one it again",
            "export": "write a model as a folder: bundle, manifest, page, ONNX graph",
        }.items()
    }
    for name in ("show", "promote", "export"):
        add[name].add_argument("version", metavar="VERSION")
    add["compare"].add_argument("version", metavar="CHALLENGER")
    add["compare"].add_argument("champion", nargs="?", metavar="CHAMPION")
    for name in ("promote", "rollback"):
        add[name].add_argument("--reason", metavar="TEXT", help="stored in model_aliases")
    add["promote"].add_argument(
        "--force", action="store_true", help="promote although a check fails; needs --reason"
    )
    add["export"].add_argument("--out", required=True, metavar="DIR", help="local folder")
    for action in add.values():
        add_settings(action)
    arguments = parser.parse_args(argv)
    name = f"models {arguments.action}"
    if arguments.action == "rollback":
        return run_job(name, arguments, _roll_back)
    if arguments.action == "promote":
        if arguments.force and not arguments.reason:
            parser.error("--force needs --reason: it is stored with the promotion")
        return run_job(name, arguments, _promote)
    return guarded(name, lambda: _read(name, arguments))


def _read(name: str, arguments: argparse.Namespace) -> None:
    """Run an action that writes nothing into the warehouse."""
    settings = checked_settings(arguments)
    with session(name) as spark:
        warehouse = configured_warehouse(spark, absolute(arguments.warehouse), settings)
        if arguments.action == "list":
            print_models(warehouse)
            return
        model = load_model(warehouse, arguments.version)
        if arguments.action == "show":
            print_model(warehouse, model)
        elif arguments.action == "compare":
            other = load_model(warehouse, arguments.champion)
            print_challenge(challenge(warehouse, model, other, settings.promotion))
        else:
            _export(model, arguments.out)


def _export(stored: StoredModel, out: str) -> None:
    if "://" in out:
        message = f"a model cannot be written to {out}; give --out a local folder"
        raise EnvironmentFaultError(message)
    try:
        graph = to_onnx(stored.model, stored.version)
    except EnvironmentFaultError as error:
        _LOG.warning("models export: no ONNX graph: %s", error)
        graph = None
    for path in write_folder(Path(absolute(out)), stored, graph):
        print(path)


def _roll_back(job: Job) -> None:
    with job.runs.stage("rollback") as stage:
        before, now = roll_back(job.warehouse, job.arguments.reason, job.runs.run_id)
        stage.details = {"from": before, "to": now}
    _LOG.info("rollback: the champion was %s and is %s again", before, now)
    print(now)


def _promote(job: Job) -> None:
    wanted = job.arguments.version
    with job.runs.stage("promote") as stage:
        reason = promotion_stage(job, stage)
    if reason is None:
        _LOG.info("promote: %s is the champion already", wanted)
    else:
        _LOG.info("promote: %s is the champion now, %s", wanted, reason)
    print(wanted)


def promotion_stage(job: Job, stage: Stage) -> str | None:
    """Try a challenger and make it the champion; return why, None if it is it already.

    Raises
    ------
    PromotionError
        A check failed, and nobody forces it.
    """
    challenger = load_model(job.warehouse, job.arguments.version)
    current = champion(job.warehouse)
    stage.details = {"challenger": challenger.version, "champion": current}
    if current == challenger.version:
        return None
    reason = _tried(job, stage, challenger, current)
    if job.arguments.reason:
        reason = f"{reason}: {job.arguments.reason}"
    promote(job.warehouse, challenger.version, reason, job.runs.run_id)
    return reason


def _tried(job: Job, stage: Stage, challenger: StoredModel, current: str | None) -> str:
    """Return how a challenger becomes the champion, in words."""
    over = "as the first champion" if current is None else f"over {current}"
    try:
        other = None if current is None else load_model(job.warehouse, current)
        result = challenge(job.warehouse, challenger, other, job.settings.promotion)
    except (InputError, ModelError) as error:
        if not job.arguments.force:
            raise
        _LOG.warning("promote: not tried: %s", error)
        return f"{FORCED} {over}, not tried"
    print_challenge(result)
    stage.rows = int(result.trial.file_index.size)
    stage.details["gates"] = {gate.name: gate.holds for gate in result.gates}
    if not result.failed:
        return f"{PROMOTED} {over}, {len(result.gates)} checks passed or had nothing to compare"
    if job.arguments.force:
        return f"{FORCED} {over}, failed: {', '.join(gate.name for gate in result.failed)}"
    failed = "; ".join(f"{gate.name}: {gate.told}" for gate in result.failed)
    message = (
        f"{result.challenger} is not promoted, {len(result.failed)} of {len(result.gates)} checks "
        f"failed: {failed}. Train another one, change promotion.*, or give --force --reason TEXT"
    )
    raise PromotionError(message)
