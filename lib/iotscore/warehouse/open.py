"""The one place that chooses how a warehouse is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from iotscore import object_stores
from iotscore.errors import UnsupportedStorageError
from iotscore.object_stores import is_object_store
from iotscore.warehouse.delta_rs.files import local_path
from iotscore.warehouse.delta_rs.warehouse import DeltaRsWarehouse
from iotscore.warehouse.delta_spark.warehouse import DeltaSparkWarehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from iotscore.warehouse.delta_spark.batch_functions import Transport
    from iotscore.warehouse.warehouse import Warehouse
    from iotscore.warehouse.writer_lock import Lock

Direct: TypeAlias = Literal["auto", "never"]


def open_warehouse(
    spark: SparkSession,
    root: str,
    *,
    direct: Direct = "auto",
    transport: Transport = "arrow",
    lock: Lock | None = None,
) -> Warehouse:
    """Return the warehouse in a folder.

    Parameters
    ----------
    spark
        The session.
    root
        Folder: an absolute local path or a URI.
    direct, transport
        As ``storage`` in ``conf/base.yaml`` explains them.
    lock
        What the job holds that may write.

    Raises
    ------
    UnsupportedStorageError
        Spark is to write an object store.
    ValueError
        ``direct`` is neither.
    """
    if direct not in get_args(Direct):
        message = f"direct is {direct!r}, and may be one of {get_args(Direct)}"
        raise ValueError(message)
    path = object_stores.plain_uri(root) if is_object_store(root) else local_path(root.rstrip("/"))
    if direct == "auto" and path is not None:
        return DeltaRsWarehouse(spark, root, path, lock)
    if is_object_store(root):
        message = (
            f"the warehouse {root} is in an object store, where commits of Spark can overwrite or "
            "cross those of another writer: set storage.direct to auto"
        )
        raise UnsupportedStorageError(message)
    return DeltaSparkWarehouse(spark, root, lock, transport)
