"""Read device, family, attack and label from a file's name.

The names of the files carry what is known about their records: ``3.gafgyt.tcp.csv`` and
``Ennio_Doorbell/gafgyt_attacks/tcp.csv`` say the same. Which part of a name means what is a
configurable list of regular expressions with named groups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from iotscore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BENIGN = "benign"
_LARGEST_ID = 2**31 - 1
"""Tables keep the number of a device in 32 bits."""
_MOST_DIGITS = 1000
"""Python reads no number of many more; zeros in front count."""
_SHOWN = 40
GROUPS = frozenset({"device_id", "device", "family", "attack", "event_day"})
"""The named groups that a file pattern may use; one of the first two is required."""


@dataclass(frozen=True)
class FileLabel:
    """The labels that a file's name gives to its records.

    Attributes
    ----------
    device_id
        Number of the device, None where neither the name nor the metadata give it.
    family
        "benign", a botnet family such as "gafgyt", or None for an unlabelled capture.
    attack
        Attack within the family, None for benign and unlabelled captures.
    label
        1 attack, 0 benign, None unknown.
    event_day
        Day of the capture where the name gives it.
    """

    device_id: int | None
    device: str
    family: str | None
    attack: str | None
    label: int | None
    event_day: date | None


def pattern_fault(pattern: str) -> str | None:
    """Say what is wrong with a file pattern, or return None for a good one."""
    try:
        groups = set(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    if unknown := groups - GROUPS:
        return f"has unknown groups {sorted(unknown)}; known are {sorted(GROUPS)}"
    if not groups & {"device_id", "device"}:
        return "needs a group named device_id or device"
    return None


def check_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return patterns of paths as they are, or raise ConfigError if one cannot be used."""
    for pattern in patterns:
        if fault := pattern_fault(pattern):
            message = f"{pattern!r} {fault}"
            raise ConfigError(message)
    return patterns


def label_file(
    relative_path: str, patterns: Sequence[str], devices: Mapping[int, str]
) -> FileLabel | None:
    """Read a file's label from its path; None where :func:`read_name` finds a fault."""
    found = read_name(relative_path, patterns, devices)
    return found if isinstance(found, FileLabel) else None


def read_name(
    relative_path: str, patterns: Sequence[str], devices: Mapping[int, str]
) -> FileLabel | str:
    """Read a file's label from its path, or say why there is none.

    Parameters
    ----------
    relative_path
        Path below the landing folder, with forward slashes; its ending counts as ``.csv`` in
        capital letters, too.
    patterns
        Regular expressions, matched against the whole path; the first that matches wins.
    devices
        Names of the devices by number, from ``device_info.csv``; may be empty.
    """
    if not {".", ".."}.isdisjoint(relative_path.split("/")):
        return "the path leads out of the folder"
    for pattern in patterns:
        for path in dict.fromkeys((relative_path, plain_ending(relative_path))):
            if (match := re.fullmatch(pattern, path)) is not None:
                return _from_groups(match.groupdict(), devices)
    return "no pattern of ingest.patterns fits"


def plain_ending(path: str) -> str:
    """Return a path with its ending ``.csv`` in small letters."""
    start, ending = path[:-4], path[-4:]
    return start + ending.lower() if ending.lower() == ".csv" else path


def _from_groups(groups: Mapping[str, str | None], devices: Mapping[int, str]) -> FileLabel | str:
    day_text = groups.get("event_day")
    try:
        event_day = date.fromisoformat(day_text) if day_text else None
    except ValueError:
        return f"{str(day_text)[:_SHOWN]!r} is no day of a calendar"
    number, name = groups.get("device_id"), groups.get("device")
    if number and not _is_number(number):
        found = number[:_SHOWN]
        return f"{found!r} is no number of a device: 0 to {_LARGEST_ID}, in the digits 0 to 9"
    device_id, device = _device(number, name, devices)
    if not device:
        return "it names no device"
    family = groups.get("family") or None
    label = None if family is None else int(family != BENIGN)
    attack = (groups.get("attack") or None) if label else None
    return FileLabel(device_id, device, family, attack, label, event_day)


def _is_number(text: str) -> bool:
    """Say whether a text is a device's number; a pattern may fit other digits than these."""
    is_decimal = text.isascii() and text.isdecimal()
    return is_decimal and len(text) <= _MOST_DIGITS and int(text) <= _LARGEST_ID


def _device(
    number: str | None, name: str | None, devices: Mapping[int, str]
) -> tuple[int | None, str]:
    if number:
        device_id = int(number)
        return device_id, name or devices.get(device_id, f"device_{device_id}")
    ids = {device: device_id for device_id, device in devices.items()}
    return ids.get(name or ""), name or ""
