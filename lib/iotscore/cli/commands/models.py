"""The job ``models``: look into the registry, promote, roll back, export."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
    from collections.abc import Callable

    from iotscore.config import Settings
    from iotscore.models.stored import StoredModel
    from iotscore.promotion.challenge import Challenge
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.warehouse import Warehouse

    Reader = Callable[[Warehouse, argparse.Namespace, Settings], None]

_LOG = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Do one action on the registry and return the exit code (2: a gate is shut)."""
    parser = CommandParser(prog="./spark-submit.sh models", description="The model registry.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = {
        name: actions.add_parser(name, help=told, description=told)
        for name, told in {
            "list": "show all models, and which one is the champion",
            "show": "show what a model was made of, and when it was the champion",
            "compare": "try a model and the champion, or another one, on the same records",
            "promote": "make a model the champion if it passes the gates",
            "rollback": "make the champion before this one it again",
            "export": "write a model as a folder: bundle, manifest, page, ONNX graph",
        }.items()
    }
    for name in ("show", "promote", "export"):
        add[name].add_argument("version", metavar="VERSION")
    add["compare"].add_argument("version", metavar="CHALLENGER")
    add["compare"].add_argument("champion", nargs="?", metavar="CHAMPION")
    for name in ("promote", "rollback"):
        add[name].add_argument("--reason", metavar="TEXT", help="kept in model_aliases")
    add["promote"].add_argument(
        "--force", action="store_true", help="promote although a gate is shut; needs --reason"
    )
    add["export"].add_argument("--out", required=True, metavar="DIR", help="local folder")
    for one in add.values():
        add_settings(one)
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
        _READERS[arguments.action](warehouse, arguments, settings)


def _list(warehouse: Warehouse, arguments: argparse.Namespace, settings: Settings) -> None:
    del arguments, settings
    print_models(warehouse)


def _show(warehouse: Warehouse, arguments: argparse.Namespace, settings: Settings) -> None:
    del settings
    print_model(warehouse, load_model(warehouse, arguments.version))


def _compare(warehouse: Warehouse, arguments: argparse.Namespace, settings: Settings) -> None:
    challenger = load_model(warehouse, arguments.version)
    other = load_model(warehouse, arguments.champion)
    print_challenge(challenge(warehouse, challenger, other, settings.promotion))


def _export(warehouse: Warehouse, arguments: argparse.Namespace, settings: Settings) -> None:
    del settings
    stored = load_model(warehouse, arguments.version)
    folder = Path(absolute(arguments.out))
    if "://" in arguments.out:
        message = f"a model cannot be written to {arguments.out}; give --out a local folder"
        raise EnvironmentFaultError(message)
    try:
        graph = to_onnx(stored.model, stored.version)
    except EnvironmentFaultError as error:
        _LOG.warning("models export: no ONNX graph: %s", error)
        graph = None
    for path in write_folder(folder, stored, graph):
        print(path)


_READERS: Final[dict[str, Reader]] = {
    "list": _list,
    "show": _show,
    "compare": _compare,
    "export": _export,
}


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
        A gate is shut, and nobody forces it.
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
        found = challenge(job.warehouse, challenger, other, job.settings.promotion)
    except (InputError, ModelError) as error:
        if not job.arguments.force:
            raise
        _LOG.warning("promote: not tried: %s", error)
        return f"{FORCED} {over}, not tried"
    print_challenge(found)
    stage.rows = int(found.trial.file_index.size)
    stage.details["gates"] = {gate.name: gate.holds for gate in found.gates}
    if not found.failed:
        return f"{PROMOTED} {over}, {len(found.gates)} gates held or had nothing to compare"
    if not job.arguments.force:
        raise _refused(found)
    return f"{FORCED} {over}, shut: {', '.join(gate.name for gate in found.failed)}"


def _refused(found: Challenge) -> PromotionError:
    shut = "; ".join(f"{gate.name}: {gate.told}" for gate in found.failed)
    return PromotionError(
        f"{found.challenger} is not promoted, {len(found.failed)} of {len(found.gates)} gates are "
        f"shut: {shut}. Train another one, change promotion.*, or give --force --reason TEXT"
    )
