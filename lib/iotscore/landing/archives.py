"""Recognise packed files by their names and their first bytes."""

from __future__ import annotations

import re
from typing import Final

PEEK_BYTES: Final = 512
"""Bytes from a file's start that :func:`packed_form` wants."""
_MARKS: Final = {
    b"\x1f\x8b": "gzip",
    b"\x1f\x9d": "compress",
    b"PK\x03\x04": "zip, or an office document",
    b"PK\x05\x06": "an empty zip",
    b"PK\x07\x08": "a part of a zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x5d\x00\x00\x80\x00": "lzma",
    b"LZIP\x01": "lzip",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7-zip",
    b"Rar!\x1a\x07": "rar",
    b"MSCF\x00\x00\x00\x00": "cabinet",
}
_TAR: Final = (257, b"ustar")
"""Byte at which a tar archive says what it is, and how."""
_NAME: Final = re.compile(
    r".*\.(?:7z|arj|br|bz2|cab|gz|lha|lz|lz4|lzh|lzma|rar|tar|tbz|tbz2|tgz|txz|tzst|xz|z|zip|zipx"
    r"|zst|[rz][0-9]{2}|(?:7z|gz|rar|tar|zip)\.[0-9]{3})",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_UNFINISHED: Final = re.compile(
    r"\..*|.*(?:~|\.(?:part|partial|filepart|tmp|temp|crdownload|download|swp|lock))",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)


def packed_form(head: bytes) -> str | None:
    """Return which packed form a file has by its first bytes, None if it has none."""
    for mark, form in _MARKS.items():
        if head.startswith(mark):
            return form
    place, mark = _TAR
    return "tar" if head[place : place + len(mark)] == mark else None


def is_named_packed(path: str) -> bool:
    """Say whether a name is that of a packed file that was delivered whole."""
    return not is_unfinished(path) and _NAME.fullmatch(path) is not None


def is_unfinished(path: str) -> bool:
    """Say whether a name is hidden, or is a temporary name of an incomplete delivery."""
    return _UNFINISHED.fullmatch(path.rpartition("/")[2]) is not None
