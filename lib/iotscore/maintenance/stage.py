"""Maintenance of a warehouse: every table stays small and quick, night after night."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iotscore.errors import UnsupportedStorageError
from iotscore.maintenance.retention import Expired, Retention, expire
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.models.context import Context
    from iotscore.warehouse.compaction import Compaction, CompactionOptions

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class MaintainResult:
    """What was done.

    Attributes
    ----------
    expired
        What the policy did not keep; None if it keeps everything.
    unsupported
        Why no table was compacted, if none was.
    """

    expired: Expired | None
    tables: Mapping[str, Compaction]
    unsupported: str | None = None
    rows: int = 0

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        tables = {name: asdict(done) for name, done in self.tables.items()}
        return tables | ({} if self.expired is None else {"expired": asdict(self.expired)})


def maintain(context: Context, policy: Retention, options: CompactionOptions) -> MaintainResult:
    """Delete what the policy does not keep, then compact each table that is there.

    Where tables cannot be compacted, a policy is enough reason to go on.

    Raises
    ------
    UnsupportedStorageError
        There is no policy, and tables in this storage are compacted by other means.
    WarehouseError
        A table cannot be compacted.
    """
    warehouse = context.warehouse
    expired = None if policy.keeps_all else expire(warehouse, policy, datetime.now(UTC))
    done: dict[str, Compaction] = {}
    try:
        for table in filter(warehouse.exists, TABLES):
            done[table] = warehouse.compact(table, options)
            _LOG.info("maintain: %s: %s", table, _described(done[table]))
    except UnsupportedStorageError as error:
        if expired is None:
            raise
        return MaintainResult(expired, {}, str(error))
    return MaintainResult(expired, done)


def _described(done: Compaction) -> str:
    return (
        f"{done.files_before} data files, now {done.files_after}; {done.files_deleted} dead ones "
        f"deleted, {done.bytes_freed:,} bytes"
    )
