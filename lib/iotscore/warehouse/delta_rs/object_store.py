"""Single objects of S3, on the driver: one request each, and conditional writes.

obstore is imported only there: executors import this module and do not have it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from iotscore import s3

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

_MOST_KEPT: Final = 256
"""So many small objects are kept; they are rows of ledgers."""


@cache
def store_of(root: str) -> S3Store:
    """Return a client of the objects below a URI of S3."""
    from obstore.store import S3Store

    known = s3.client_options()
    config: S3Config = {"region": known["region"]}
    if "endpoint" in known:
        config["endpoint"] = known["endpoint"]
    return S3Store.from_url(
        s3.plain_uri(root),
        config=config,
        client_options={"allow_http": known.get("allow_http") == "true", "timeout": "20s"},
    )


@lru_cache(maxsize=_MOST_KEPT)
def small_content(folder: str, name: str) -> pa.Buffer:
    """Return what is in a small data file, which never changes; ledgers are read often.

    Raises
    ------
    OSError
        It is gone, or cannot be read.
    """
    import obstore
    from obstore.exceptions import BaseError

    try:
        return pa.py_buffer(bytes(obstore.get(store_of(folder), name).bytes()))
    except BaseError as error:
        raise OSError(str(error)) from error
