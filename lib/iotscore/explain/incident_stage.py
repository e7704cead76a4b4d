"""``explanations`` to ``incidents``: which flagged records of a capture belong together."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T

from iotscore.explain.incidents import READ, file_incidents
from iotscore.sampling.splits import SplitPlan
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iotscore.detect.vote_windows import VoteWindows
    from iotscore.models.registry import StoredModel
    from iotscore.scoring.ledger import Todo
    from iotscore.warehouse.tables import Warehouse

_MOST_ROWS_ON_DRIVER: Final = 500_000
"""So many flagged records the driver reads in some seconds, in about 300 MB."""

_STAMP: Final = ("run_id", "found_at")
_UNSTAMPED: Final = pa.schema(
    [field for field in TABLES["incidents"].arrow_schema if field.name not in _STAMP]
)


def find(
    warehouse: Warehouse,
    stored: StoredModel,
    windows: VoteWindows,
    todo: Todo,
    rows: Mapping[str, int],
    run_id: str,
) -> int:
    """Find the incidents of files whose flagged records have just been explained.

    They are written in one commit, in which earlier incidents of these files go, and all of
    earlier contents. The ledger ``explained_files`` need not name the files yet.

    Parameters
    ----------
    warehouse
        Where.
    stored
        The model that flagged.
    windows
        How many records vote.
    todo
        The files.
    rows
        Rows that the run wrote to ``explanations``, by file; absent means none.
    run_id
        The run: explanations of other runs do not count.

    Returns
    -------
    int
        Incidents written.
    """
    explained = {file_id: count for file_id, count in rows.items() if count}
    if not explained:
        warehouse.delete("incidents", todo.replaced())
        return 0
    where = {
        "model_version": [stored.version],
        "run_id": [run_id],
        "file_id": sorted(explained),
    }
    stamp = {"run_id": run_id, "found_at": datetime.now(UTC)}
    share = SplitPlan.from_json(stored.manifest["split"]).fraction
    of_file = partial(_unstamped, stored.version, windows, share)
    if warehouse.is_direct and sum(explained.values()) <= _MOST_ROWS_ON_DRIVER:
        found = _on_driver(warehouse, where, of_file)
        stamped = [row | stamp for row in found.to_pylist()]
        warehouse.replace_rows("incidents", stamped, todo.replaced())
        return len(stamped)
    _by_query(warehouse, where, of_file, stamp, todo.replaced())
    condition = f"model_version = '{stored.version}' AND run_id = '{run_id}'"
    return sum(warehouse.count_by_file("incidents", condition).values())


def _unstamped(version: str, windows: VoteWindows, share: float, flagged: pa.Table) -> pa.Table:
    """Return the incidents of a file with the types of the table."""
    found = file_incidents(flagged, version, windows, share)
    return found.select(_UNSTAMPED.names).cast(_UNSTAMPED)


def _on_driver(
    warehouse: Warehouse, where: Mapping[str, list[str]], of_file: Callable[[pa.Table], pa.Table]
) -> pa.Table:
    batches = list(warehouse.batches("explanations", READ, **where))
    found = [of_file(flagged) for flagged in _by_file(pa.Table.from_batches(batches))]
    return pa.concat_tables(found)


def _by_file(flagged: pa.Table) -> Iterator[pa.Table]:
    """Yield each file's rows."""
    ordered = flagged.sort_by("file_id")
    codes = ordered.column("file_id").combine_chunks().dictionary_encode().indices.to_numpy()
    bounds = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), ordered.num_rows]
    for start, end in pairwise(bounds):
        yield ordered.slice(start, end - start)


def _by_query(
    warehouse: Warehouse,
    where: Mapping[str, list[str]],
    of_file: Callable[[pa.Table], pa.Table],
    stamp: Mapping[str, Any],
    replaced: str,
) -> None:
    schema = TABLES["incidents"].schema
    unstamped = T.StructType([field for field in schema if field.name not in _STAMP])

    def run(flagged: pa.Table) -> pa.Table:
        return of_file(flagged)

    flagged = warehouse.frame("explanations", **where).select(*READ)
    found = flagged.groupBy("file_id").applyInArrow(run, unstamped)
    stamped = found.withColumns({name: F.lit(value) for name, value in stamp.items()})
    warehouse.replace("incidents", stamped.select(*schema.names), replaced)
