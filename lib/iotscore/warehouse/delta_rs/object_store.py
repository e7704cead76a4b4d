"""Single objects of an object store, on the driver: one request each, and conditional writes.

obstore is imported only there: executors import this module and do not have it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from iotscore import object_stores

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutResult, UpdateVersion
    from obstore.store import ObjectStore

_MOST_KEPT: Final = 256
"""So many small objects are kept; they are rows of ledgers."""
NO_VERSION: Final[UpdateVersion] = {"e_tag": '"00000000000000000000000000000000"', "version": "1"}
"""What no object ever has."""


@cache
def store_of(root: str) -> ObjectStore:
    """Return a client of the objects below a URI."""
    from obstore.store import from_url

    config: Any = object_stores.client_options(root)
    may_be_plain = config.pop("allow_http", "false") == "true"
    return from_url(
        object_stores.plain_uri(root),
        config=config,
        client_options={"allow_http": may_be_plain, "timeout": "20s"},
    )


def version_of(answer: PutResult | ObjectMeta) -> UpdateVersion:
    """Return what a store knows a version by: an e-tag, in Google storage a generation."""
    known: UpdateVersion = {}
    if e_tag := answer["e_tag"]:
        known["e_tag"] = e_tag
    if version := answer["version"]:
        known["version"] = version
    return known


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
