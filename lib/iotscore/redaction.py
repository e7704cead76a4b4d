"""Mask secrets in texts for logs, tables and terminals, by :func:`masked`.

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
    r"|[._-](pwd|pass|key|sas|pat|auth|creds?|dsn)($|[._-])|webhook|^(proxy-)?authorization$"
    r"|^(set-)?cookie$|(access|account|api|private|shared)[._-]?key",
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

_HEADER: Final = re.compile(
    r"(?P<start>(?P<name>[\w.-]+)['\"]?\s*:\s*)(?!unknown key|missing;|found |needs )"
    r"(?:(?:bearer|basic|digest|token|apikey|sharedkey)\s+[^\s,;'\"]+|(?P<quote>['\"])[^'\"]+['\"]|[^\s,;'\"]+)",
    re.IGNORECASE,
)
"""A header or a line of YAML; not what the configuration says of a key."""

_KNOWN_FORMS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\b(?:gh[pousr]_|github_pat_|xox[abprs]-|ya29\.)[\w.-]{10,}"
    r"|(?<![\w+/])[\w+/]{86}=="
    r"|(?<=\bBearer )(?=\S*[\d._=-])[\w.~+/=-]{8,}",
    re.DOTALL,
)
"""Keys (Azure's: 64 bytes), JSON web tokens, and tokens of AWS, Google, GitHub and Slack."""

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
    looks like it and an equals sign or a colon, as in signed URIs, settings and headers; and what
    has the form of a known kind of secret.
    """
    for value in sorted(set(_secret_values()), key=len, reverse=True):
        text = text.replace(value, MASK)
    text = _KNOWN_FORMS.sub(MASK, _USER.sub(_without_user, text))
    return _HEADER.sub(_without_header, _PAIR.sub(_without_value, text))


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


def _without_header(match: re.Match[str]) -> str:
    is_secret = looks_secret(match["name"]) and not match["name"].lower().endswith("tokens")
    sign = match["quote"] or ""
    return f"{match['start']}{sign}{MASK}{sign}" if is_secret else match[0]


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
