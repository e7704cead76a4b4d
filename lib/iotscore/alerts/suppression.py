"""Suppressions hide alerts and flagged records when they are read; nothing is deleted.

The same rule stands in SQL in the views ``v_open_alerts`` and ``v_open_flagged_records``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.warehouse.warehouse import Warehouse

RECORD: Final = "record"
"""The kind of a flagged record, beside those of alerts."""
SCOPE: Final = ("kind", "device", "feature", "source_file")
"""Columns that say what is hidden. Each that is not NULL must match: the kind as it is, the others
as patterns of SQL's LIKE, where ``%`` stands for any text."""


def is_hidden(suppression: Mapping[str, Any], subject: Mapping[str, Any], now: datetime) -> bool:
    """Say whether a row of ``suppressions`` hides an alert or a flagged record at a time, UTC.

    A name of :data:`SCOPE` that is absent in the subject, or None, matches no pattern.
    """
    if suppression["expires_at"] is not None and suppression["expires_at"] <= now:
        return False
    if suppression["kind"] not in (None, subject["kind"]):
        return False
    return all(
        subject.get(name) is not None and is_like(subject[name], suppression[name])
        for name in SCOPE[1:]
        if suppression[name] is not None
    )


def unhidden(warehouse: Warehouse, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of ``alerts`` that no row of ``suppressions`` hides now."""
    suppressions, now = warehouse.rows("suppressions"), datetime.now(UTC)
    return [row for row in rows if not any(is_hidden(each, row, now) for each in suppressions)]


def is_like(text: str, pattern: str) -> bool:
    r"""Say whether a text matches a pattern of LIKE: ``%`` any text, ``_`` any character, ``\``."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    found = "".join(signs.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(found, text, re.DOTALL) is not None
