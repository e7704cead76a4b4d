"""Secrets stay inside: text on its way to a log, a table or a terminal passes :func:`masked`.

The project's own configuration holds no secret. They come with what it is given: credentials in the
URI of a folder, in Spark's settings, in the environment, and so in the errors of other libraries.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK: Final = "***"

_LEAST_LENGTH: Final = 8
"""Shorter values are not searched for: they would be found in the middle of ordinary words."""

_NAME: Final = re.compile(
    r"passw(or)?d|passphrase|secret|token|credential|signature"
    r"|[._-](pwd|key|sas)($|[._-])|(access|account|api|private|shared)[._-]?key",
    re.IGNORECASE,
)
_PARAMETERS: Final = frozenset({"sig", "key", "code", "pwd"})
"""Names that mean a secret as a parameter of a URI; elsewhere they are words like others."""

_USER: Final = re.compile(
    r"\b(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:[^\s/@:'\"]*:[^\s'\"]*|(?P<name>[^\s/@:'\"]+))@",
    re.IGNORECASE,
)
_CONTAINER_SCHEMES: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Here the name before the @ is that of a container in a storage account."""

_PAIR: Final = re.compile(
    r"(?P<start>[?&;]?)(?P<name>[\w.-]+)"
    r"(?:(?P<quoted>\s?=\s?['\"]|['\"]\s*:\s*['\"])[^'\"]+|(?P<plain>\s?=\s?)[^\s&'\",;)\]}]+)"
)

_settings: Final[dict[str, str]] = {}


def looks_secret(name: str) -> bool:
    """Say whether a setting, variable or parameter of this name holds a secret."""
    return _NAME.search(name) is not None


def hide_settings(settings: Mapping[str, str]) -> None:
    """Remember settings of another program; :func:`masked` finds the secret values among them."""
    _settings.update(settings)


def masked(text: str) -> str:
    """Return a text with ``***`` in the place of every secret.

    Secrets are values of at least 8 characters of environment variables and of remembered settings
    whose names look like it; user names and passwords in URIs; and what stands behind a name that
    looks like it and an equals sign, as in signed URIs and lists of settings.
    """
    for value in sorted(set(_secret_values()), key=len, reverse=True):
        text = text.replace(value, MASK)
    return _PAIR.sub(_without_value, _USER.sub(_without_user, text))


def _secret_values() -> Iterator[str]:
    for name, value in (*os.environ.items(), *_settings.items()):
        if looks_secret(name):
            for part in (value.strip(), *value.split("\n")):
                if len(part) >= _LEAST_LENGTH:
                    yield part
                    yield quote(part, safe="")


def _without_user(match: re.Match[str]) -> str:
    if match["name"] and match["scheme"].lower() in _CONTAINER_SCHEMES:
        return match[0]
    return f"{match['scheme']}://{MASK}@"


def _without_value(match: re.Match[str]) -> str:
    is_parameter = bool(match["start"]) and match["name"].lower() in _PARAMETERS
    if is_parameter or looks_secret(match["name"]):
        sign = match["quoted"] or match["plain"]
        return f"{match['start']}{match['name']}{sign}{MASK}"
    return match[0]


def masked_values(value: object) -> object:
    """Return plain values with ``***`` in the place of those whose keys look secret."""
    if isinstance(value, dict):
        return {
            key: MASK if looks_secret(str(key)) else masked_values(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked_values(item) for item in value]
    return value
