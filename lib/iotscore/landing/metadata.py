"""Read the three metadata files beside the traffic files."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from iotscore.errors import InputError
from iotscore.features import N_FEATURES, SOURCE_FEATURES

DEVICE_INFO: Final = "device_info.csv"
DATA_SUMMARY: Final = "data_summary.csv"
FEATURE_LIST: Final = "features.csv"
_MOST_DIGITS: Final = 18
"""What surely fits into a table's 64-bit integers."""
METADATA_FILES: Final = frozenset({DEVICE_INFO, DATA_SUMMARY, FEATURE_LIST})
METADATA_BYTES: Final = 16 << 20
"""Most bytes of a metadata file: 300,000 files' lines in ``data_summary.csv``."""


@dataclass(frozen=True)
class Metadata:
    """Device names by number and data rows by file name, as far as there are such files."""

    devices: dict[int, str] = field(default_factory=dict)
    expected_rows: dict[str, int] = field(default_factory=dict)


def read_metadata(texts: dict[str, bytes]) -> Metadata:
    """Read the metadata files that are there, from their contents by file name.

    Raises
    ------
    InputError
        A file cannot be read as what it should be, or lists other than the 115 features.
    """
    if FEATURE_LIST in texts:
        _check_feature_list(texts[FEATURE_LIST])
    return Metadata(
        devices=_devices(texts.get(DEVICE_INFO, b"")),
        expected_rows=parse_summary(texts.get(DATA_SUMMARY, b"")),
    )


def _devices(content: bytes) -> dict[int, str]:
    devices: dict[int, str] = {}
    for row in _rows(content, DEVICE_INFO, ("DeviceID", "DeviceName")):
        number = _number(row, "DeviceID", DEVICE_INFO)
        _add(devices, number, _text(row, "DeviceName", DEVICE_INFO), DEVICE_INFO)
    return devices


def parse_summary(content: bytes) -> dict[str, int]:
    """Return the data rows by file name of a file in the form of ``data_summary.csv``."""
    expected: dict[str, int] = {}
    for row in _rows(content, DATA_SUMMARY, ("File Name", "Data Count", "Feature Count")):
        width = _number(row, "Feature Count", DATA_SUMMARY)
        if width != N_FEATURES:
            message = (
                f"{DATA_SUMMARY} says that {row['File Name'][:40]} has {width} features; "
                f"{N_FEATURES} are needed: is this the right folder?"
            )
            raise InputError(message)
        file_name = _text(row, "File Name", DATA_SUMMARY)
        _add(expected, file_name, _number(row, "Data Count", DATA_SUMMARY), DATA_SUMMARY)
    return expected


def _add(known: dict[Any, Any], key: str | int, value: str | int, name: str) -> None:
    if known.setdefault(key, value) != value:
        message = f"{name}: {key!r} is listed twice, with {known[key]!r} and {value!r}; keep one"
        raise InputError(message)


def _check_feature_list(content: bytes) -> None:
    names = [row["Feature Name"] for row in _rows(content, FEATURE_LIST, ("Feature Name",))]
    if missing := [name for name in SOURCE_FEATURES if name not in set(names)]:
        message = (
            f"{FEATURE_LIST} lists {len(names)} features and lacks {missing[:3]} "
            f"({len(missing)} in all); the {N_FEATURES} of N-BaIoT are needed"
        )
        raise InputError(message)


def _rows(content: bytes, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Read rows by column name; the original's header has a space after each comma."""
    if not content.strip():
        return []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{name} is no UTF-8 text ({error}); save it as UTF-8"
        raise InputError(message) from error
    try:
        # Universal line ends: a lone carriage return ends a line too.
        lines = csv.reader(io.StringIO(text, newline=None))
        rows = [[cell.strip() for cell in row] for row in lines if row]
    except csv.Error as error:
        message = f"{name} is no CSV file: {error}"
        raise InputError(message) from error
    header = rows[0] if rows else []
    if missing := [column for column in columns if column not in header]:
        shown = [cell[:40] for cell in header[:5]]
        message = f"{name} lacks the columns {missing}; found {len(header)}, the first are {shown}"
        raise InputError(message)
    return [
        dict(zip_longest(header, row[: len(header)], fillvalue="")) for row in rows[1:] if any(row)
    ]


def _number(row: dict[str, str], column: str, name: str) -> int:
    text = row[column]
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        message = (
            f"{name} has {text[:40]!r} as {column} in the row {_shown(row)}; needs a number of at "
            f"most {_MOST_DIGITS} digits 0 to 9"
        )
        raise InputError(message)
    return int(text)


def _text(row: dict[str, str], column: str, name: str) -> str:
    if not row[column]:
        message = f"{name} has no {column} in the row {_shown(row)}; needs one"
        raise InputError(message)
    return row[column]


def _shown(row: dict[str, str]) -> list[str]:
    return [cell[:40] for cell in row.values()]
