"""The stage ``monitor``: new days compared, alerts sent to people and printed."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from iotscore.alerts.alert import SEVERITIES, rank
from iotscore.alerts.channels import post, secrets_of, write_mail
from iotscore.alerts.run_alerts import Delivery
from iotscore.cli.console import open_console
from iotscore.cli.stages import log_end
from iotscore.errors import AlertError, ConfigError, DeliveryError
from iotscore.monitoring.stage import monitor, monitor_incidents
from iotscore.redaction import hide_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from iotscore.alerts.notify import Channel
    from iotscore.cli.job import Job
    from iotscore.config import Settings
    from iotscore.errors import IotscoreError, RefusalError
    from iotscore.monitoring.alerting import MonitorResult

    Rows = list[dict[str, Any]]
    Channels = Mapping[str, Channel]

_LOG = logging.getLogger(__name__)
_MOST_PRINTED: Final = 20
"""Alerts on the terminal; the table has all of them."""
_SECRET: Final = "webhook_token"  # noqa: S105 - a name under which masking looks for a secret


def monitor_stage(job: Job, model_version: str | None, channels: Channels) -> MonitorResult:
    """Monitor new days, and send alerts of what is new."""
    limits = job.settings.monitor
    with job.runs.stage("monitor") as stage:
        done = monitor(job.context(model_version), limits, channels, delivery=_delivery(job))
        stage.report(done)
    alerts = ", ".join(f"{count} {severity}" for severity, count in done.raised.items())
    log_end(
        job,
        stage,
        f"{done.rows} records of {done.nights} days by model {done.model_version}, "
        f"alerts: {alerts}",
    )
    if done.skipped:
        _LOG.warning("monitor: %s", done.skipped)
    return done


def incidents_stage(job: Job, model_version: str, channels: Channels) -> MonitorResult:
    """Send alerts of new incidents, before the day is over."""
    limits = job.settings.monitor
    with job.runs.stage("monitor") as stage:
        done = monitor_incidents(job.context(), model_version, limits, channels)
        stage.report(done)
    if done.alerts:
        _LOG.warning("monitor: %d new alert(s) of incidents", len(done.alerts))
    return done


def _delivery(job: Job) -> Delivery:
    """Return what ingest did in this run, if it ran."""
    ingested, days = job.details("ingest"), job.days
    return Delivery(
        accepted=ingested.get("files_ingested", 0),
        refused=ingested.get("files_refused", 0),
        day=days.since if days.since == days.until else None,
    )


def channels_of(settings: Settings) -> Channels:
    """Return what sends alerts to people, by name.

    Raises
    ------
    ConfigError
        The webhook's variable is not set, or holds no URL of the web.
    """
    chosen, channels = settings.monitor, {}
    if chosen.webhook_variable is not None:
        url = os.environ.get(chosen.webhook_variable)
        if not url:
            message = (
                f"monitor.webhook_variable is {chosen.webhook_variable}, and there is no such "
                "environment variable; set it to the webhook's URL"
            )
            raise ConfigError(message)
        hide_settings({f"{_SECRET}_{n}": one for n, one in enumerate(secrets_of(url))})
        channels["webhook"] = partial(post, url, attempts=chosen.attempts)
    if chosen.mail_folder is not None:
        channels["mail"] = partial(_mail, settings)
    return channels


def _mail(settings: Settings, alerts: Rows) -> str | None:
    chosen = settings.monitor
    folder = Path(str(chosen.mail_folder))
    try:
        write_mail(folder, alerts, chosen.mail_from, chosen.mail_to, datetime.now(UTC))
    except OSError as error:
        return f"monitor.mail_folder {folder}: {error.strerror}"
    return None


def print_alerts(alerts: Rows) -> None:
    """Print a row per alert, the worst first and not all of very many; nothing for none."""
    if not alerts:
        return
    table = Table("day", "severity", "kind", "device", "message", title="Alerts")
    ordered = sorted(alerts, key=lambda row: (-rank(row["severity"]), row["event_day"]))
    if len(ordered) > _MOST_PRINTED:
        table.caption = f"and {len(ordered) - _MOST_PRINTED:,} more: see the view v_open_alerts"
    for row in ordered[:_MOST_PRINTED]:
        device = row["device"] or "all"
        texts = (row["severity"], row["kind"], device, row["message"])
        table.add_row(str(row["event_day"]), *texts)
    open_console().print(table)


def add_fail_on(parser: argparse.ArgumentParser) -> None:
    """Add the severity of alerts that a scheduler shall know of."""
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        metavar="SEVERITY",
        help="exit with 3 if there is a new alert of this severity or worse, such as critical",
    )


def fail_on(alerts: Rows, severity: str | None) -> None:
    """Fail if there is an alert of a severity or a worse one.

    Raises
    ------
    AlertError
        There is; exit code 3.
    """
    if severity is None:
        return
    severe = [row for row in alerts if rank(row["severity"]) >= rank(severity)]
    if severe:
        message = (
            f"{len(severe)} new alert(s) of severity {severity} or worse, all work is done; see "
            "the view v_open_alerts and docs/monitoring.md"
        )
        raise AlertError(message)


def end_night(
    result: MonitorResult, severity: str | None, refusal: RefusalError | None = None
) -> None:
    """Fail for alerts, for those that were not delivered, and for files that ingest refused.

    An attack must not be hidden behind a refused file: of all, the alert gives the exit code, and
    its message names the others.

    Raises
    ------
    AlertError
        There is an alert of the severity or a worse one.
    DeliveryError
        There is none, and a channel could not deliver alerts.
    RefusalError
        Neither, and files were refused.
    """
    faults: list[IotscoreError] = []
    try:
        fail_on(result.alerts, severity)
    except AlertError as error:
        faults.append(error)
    if result.undelivered:
        message = (
            "alerts are in the table alerts but were not delivered, the next run tries again: "
            + "; ".join(result.undelivered)
        )
        faults.append(DeliveryError(message))
    if refusal is not None:
        faults.append(refusal)
    if faults:
        raise type(faults[0])("; besides, ".join(map(str, faults))) from refusal
