"""Suppressions: write one, or say what it would hide."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.alerts.kinds import ALERT_KINDS
from iotscore.alerts.suppression import RECORD, SCOPE, is_hidden
from iotscore.errors import InputError
from iotscore.features import HYBRID, flag_column
from iotscore.models.registry import champion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.warehouse.warehouse import Warehouse

_KINDS: Final = (*(one.kind for one in ALERT_KINDS), RECORD)


def suppression(
    scope: dict[str, str | None], reason: str, author: str, expires_at: datetime | None
) -> dict[str, Any]:
    """Return a row of ``suppressions``; None in the scope: any, as the time: it never expires.

    Raises
    ------
    InputError
        It would hide everything, knows no such kind, or has expired already.
    """
    now = datetime.now(UTC)
    if not any(scope.values()):
        fault = "a suppression without a scope would hide everything; name a kind, device, ..."
    elif scope["kind"] not in (None, *_KINDS):
        fault = f"there is no kind {scope['kind']!r}; choose one of: {', '.join(_KINDS)}"
    elif scope["source_file"] is not None and scope["kind"] not in (None, RECORD):
        fault = f"alerts of kind {scope['kind']} have no source file; leave out one of both"
    elif expires_at is not None and expires_at <= now:
        fault = f"the suppression would expire at {expires_at:%Y-%m-%d}, which is past"
    else:
        key = "\n".join(map(str, (*(scope[name] for name in SCOPE), author, now)))
        return {
            "suppression_id": hashlib.sha256(key.encode()).hexdigest()[:16],
            **scope,
            "reason": reason,
            "author": author,
            "created_at": now,
            "expires_at": expires_at,
        }
    raise InputError(fault)


def hidden(warehouse: Warehouse, row: dict[str, Any]) -> Counter[tuple[str, str | None]]:
    """Count what a suppression hides of the champion's alerts and flagged records.

    Counts are by kind, or ``record``, and device; None: all devices.
    """
    now = datetime.now(UTC)
    found: Counter[tuple[str, str | None]] = Counter()
    version = champion(warehouse)
    if version is None:
        return found
    for alert in warehouse.rows("alerts", model_version=version):
        if is_hidden(row, alert, now):
            found[alert["kind"], alert["device"]] += 1
    if row["kind"] in (None, RECORD):
        for group, records in _flagged(warehouse, version, by_feature=row["feature"] is not None):
            if is_hidden(row, group, now):
                found[RECORD, group["device"]] += records
    return found


def _flagged(
    warehouse: Warehouse, version: str, *, by_feature: bool
) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield groups of flagged records that look alike to a suppression, and their sizes."""
    flag, keys = flag_column(HYBRID), ["device", "source_file"]
    # The feature is known of explained records, which are flagged ones.
    table, wanted = ("explanations", "top") if by_feature else ("scores", flag)
    for batch in warehouse.batches(table, [*keys, wanted], model_version=version):
        rows = pa.Table.from_batches([batch])
        if by_feature:
            first = pc.list_element(rows.column("top"), 0)
            features = pc.struct_field(first, "feature")
            rows = rows.select(keys).append_column("feature", features)
        else:
            rows = rows.filter(rows.column(flag)).select(keys)
        counted = rows.group_by(rows.column_names).aggregate([([], "count_all")])
        for one in counted.to_pylist():
            records = one.pop("count_all")
            yield one | {"kind": RECORD}, records
