"""``explanations`` to ``incidents``: which flagged records of a capture belong together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from iotscore.explain.incidents import READ, file_incidents
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.vote_windows import VoteWindows
    from iotscore.models.context import Context
    from iotscore.scoring.ledger import PendingFiles

_STAMP: Final = ("run_id", "found_at")
_UNSTAMPED: Final = pa.schema(
    [field for field in TABLES["incidents"].arrow_schema if field.name not in _STAMP]
)


def find_incidents(
    context: Context, windows: VoteWindows, files: PendingFiles, rows: Mapping[str, int]
) -> int:
    """Find the incidents of files whose flagged records have just been explained.

    They are written in one commit, in which earlier incidents of these files go, and all of
    earlier contents. The ledger ``explained_files`` need not name the files yet, and explanations
    of other runs do not count.

    Parameters
    ----------
    rows
        Rows that the run wrote to ``explanations``, by file; absent means none.

    Returns
    -------
    int
        Incidents written.
    """
    warehouse, version = context.warehouse, context.stored.version
    explained = {file_id: count for file_id, count in rows.items() if count}
    if not explained:
        warehouse.delete("incidents", files.of_all().sql())
        return 0
    where = {"model_version": [version], "run_id": [context.run_id], "file_id": sorted(explained)}
    share = context.stored.split.fraction

    def of_file(flagged: pa.Table) -> pa.Table:
        found = file_incidents(flagged, version, windows, share)
        return found.select(_UNSTAMPED.names).cast(_UNSTAMPED)

    chosen = Selection("explanations", READ, where, sum(explained.values()))
    found = pa.concat_tables(warehouse.fold_files(chosen, of_file))
    stamp = {"run_id": context.run_id, "found_at": datetime.now(UTC)}
    stamped = [row | stamp for row in found.to_pylist()]
    warehouse.replace("incidents", stamped, files.of_all().sql())
    return len(stamped)
