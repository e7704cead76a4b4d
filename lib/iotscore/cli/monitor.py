"""The stage ``monitor``: new nights compared, alerts told to people and printed."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from iotscore.cli.console import open_console
from iotscore.errors import AlertError, ConfigError
from iotscore.masking import hide_settings
from iotscore.spark.monitor import monitor
from iotscore.watch.alert import SEVERITIES, rank
from iotscore.watch.deliveries import Delivery
from iotscore.watch.limits import Limits
from iotscore.watch.send import post, secrets_of, write_mail

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from iotscore.cli.job import Job
    from iotscore.config import Settings
    from iotscore.errors import RefusalError

    Rows = list[dict[str, Any]]

_LOG = logging.getLogger(__name__)
_SECRET: Final = "webhook_token"  # noqa: S105 - a name under which masking looks for a secret


def monitor_stage(job: Job, model_version: str | None) -> Rows:
    """Monitor new nights; return the alerts that are new and not suppressed.

    Raises
    ------
    ConfigError
        Alerts cannot be told as configured.
    """
    tell = teller(job.settings)
    limits = monitor_limits(job.settings)
    with job.runs.stage("monitor") as stage:
        found = monitor(
            *(job.warehouse, model_version, limits, tell, job.runs.run_id, stage),
            delivery=_delivery(job),
        )
    told = ", ".join(f"{count} {severity}" for severity, count in stage.details["alerts"].items())
    rate = f", {stage.rows / stage.seconds:,.0f} rows/s" if stage.rows else ""
    _LOG.info(
        "monitor: %d rows of %d nights by model %s, alerts: %s (%.1f s%s)",
        *(stage.rows, stage.details["nights"], found.model_version, told, stage.seconds, rate),
    )
    if skipped := stage.details["skipped"]:
        _LOG.warning("monitor: %s", skipped)
    for fault in stage.details["undelivered"]:
        _LOG.warning("monitor: alerts are in the table, but were not delivered: %s", fault)
    if warning := job.runs.slow_warning(stage):
        _LOG.warning("%s", warning)
    return found.alerts


def _delivery(job: Job) -> Delivery:
    """Return what ingest found in this run, if it ran."""
    found = next((stage.details for stage in job.runs.stages if stage.name == "ingest"), {})
    days = job.days
    return Delivery(
        accepted=found.get("files_ingested", 0),
        refused=found.get("files_refused", 0),
        day=days.since if days.since == days.until else None,
    )


def monitor_limits(settings: Settings) -> Limits:
    """Return where alerts begin."""
    chosen = settings.monitor
    return Limits(
        least_records=chosen.least_records,
        psi=chosen.psi,
        feature_share=chosen.feature_share,
        excess=chosen.excess,
        nights=chosen.nights,
        of_nights=chosen.of_nights,
        warning_rate=chosen.warning_rate,
        critical_rate=chosen.critical_rate,
        volume_factor=chosen.volume_factor,
        quarantined_share=chosen.quarantined_share,
        incident_severity=chosen.incident_severity,
        no_delivery_days=chosen.no_delivery_days,
        cool_down_days=chosen.cool_down_days,
    )


def teller(settings: Settings) -> Callable[[Rows], list[str]]:
    """Return what tells people of alerts, and then why it could not, if so.

    Raises
    ------
    ConfigError
        The webhook's variable is not set, or holds no URL of the web.
    """
    chosen = settings.monitor
    url = None
    if chosen.webhook_variable is not None:
        url = os.environ.get(chosen.webhook_variable)
        if not url:
            message = (
                f"monitor.webhook_variable is {chosen.webhook_variable}, and there is no such "
                "environment variable; set it to the webhook's URL"
            )
            raise ConfigError(message)
        hide_settings({f"{_SECRET}_{n}": one for n, one in enumerate(secrets_of(url))})

    def tell(alerts: Rows) -> list[str]:
        faults = []
        if url is not None and (fault := post(url, alerts, chosen.attempts)):
            faults.append(f"webhook of {chosen.webhook_variable}: {fault}")
        if chosen.mail_folder is not None:
            folder, now = Path(chosen.mail_folder), datetime.now(UTC)
            try:
                write_mail(folder, alerts, chosen.mail_from, chosen.mail_to, now)
            except OSError as error:
                faults.append(f"monitor.mail_folder {folder}: {error.strerror}")
        return faults

    return tell


def print_alerts(alerts: Rows) -> None:
    """Print a row per alert, the worst first; nothing for none."""
    if not alerts:
        return
    table = Table("night", "severity", "kind", "device", "message", title="Alerts")
    for row in sorted(alerts, key=lambda row: (-rank(row["severity"]), row["event_day"])):
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


def end_night(refusal: RefusalError | None, alerts: Rows, severity: str | None) -> None:
    """Fail for alerts, and for files that ingest refused.

    An attack must not be hidden behind a refused file: of both, the alert gives the exit code, and
    the refusal is told with it.

    Raises
    ------
    AlertError
        There is an alert of the severity or a worse one.
    RefusalError
        There is none, and files were refused.
    """
    try:
        fail_on(alerts, severity)
    except AlertError as error:
        if refusal is None:
            raise
        message = f"{error}; besides, {refusal}"
        raise AlertError(message) from refusal
    if refusal is not None:
        raise refusal
