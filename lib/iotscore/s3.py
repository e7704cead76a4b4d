"""Clients of S3 and of servers that speak its protocol, all set up by the same variables.

``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` name a server that is not Amazon's, ``AWS_REGION``
or ``AWS_DEFAULT_REGION`` the region. Credentials are never read here: each client finds them as
Amazon's own do, in the environment or from the machine's role.
"""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import urlsplit

from pyarrow import fs

SCHEMES: Final = frozenset({"s3", "s3a", "s3n"})
"""Names of the same storage: Amazon's, and those of Hadoop's clients."""

_REFUSED: Final = re.compile(
    r"AWS Error (?:ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|INVALID_SIGNATURE"
    r"|SIGNATURE_DOES_NOT_MATCH|\w+ \(HTTP status 40[13]\)|.*\b(?:Expired|Invalid)Token\b)"
)
"""How pyarrow's client says that the server does not let it."""

_PLACE: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION")

_DEFAULT_REGION: Final = "us-east-1"
"""What servers that know no regions expect in a signature; Amazon's own clients fall back on it."""


def is_s3(uri: str) -> bool:
    """Say whether a path or URI is one of S3."""
    return urlsplit(uri).scheme in SCHEMES


def has_credentials(uri: str) -> bool:
    """Say whether a URI names a user, who has no business there: URIs show in logs and lists.

    A secret may hold a slash, which ends the part that the user belongs to; no bucket has a colon.
    """
    return not {"@", ":"}.isdisjoint(urlsplit(uri).netloc)


def plain_uri(uri: str) -> str:
    """Return a URI of S3 under the scheme that all clients know."""
    parts = urlsplit(uri)
    return f"s3://{parts.netloc}{parts.path}".rstrip("/")


def key_of(uri: str) -> str:
    """Return bucket and key, as pyarrow names an object."""
    parts = urlsplit(uri)
    return f"{parts.netloc}{parts.path}".rstrip("/")


def refusal(told: str, who: str = "the job") -> str | None:
    """Return a sentence about a request that the server refused to let somebody do.

    ``told`` is what an error of pyarrow's client says, of any number of lines around it; None if
    it says something else.
    """
    line = next((line for line in told.splitlines() if _REFUSED.search(line)), None)
    if line is None:
        return None
    what = re.sub(r"^[\w.]*(?:Error|Exception): |: No response body\.$", "", line.strip())
    return (
        f"S3 refused a request of {who} ({what[:300]}); credentials that allow it must be in the "
        f"environment of {who}, or their machine needs a role that does"
    )


def endpoint() -> str | None:
    """Return the address of a server that is not Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def place() -> dict[str, str]:
    """Return the variables that say which server and region it is, none of them a secret.

    Those without a value are empty: whoever takes them over gets no other server by its own.
    """
    return {name: os.environ.get(name, "") for name in _PLACE}


def filesystem() -> fs.S3FileSystem:
    """Return pyarrow's client."""
    server = endpoint()
    if server is None:
        return fs.S3FileSystem(region=_region(), allow_delayed_open=True)
    return fs.S3FileSystem(
        endpoint_override=server, region=_region() or _DEFAULT_REGION, allow_delayed_open=True
    )


def client_options() -> dict[str, str]:
    """Return what delta-rs and obstore need to know beside the credentials."""
    options = {"region": _region() or _DEFAULT_REGION}
    if server := endpoint():
        options["endpoint"] = server
        options["allow_http"] = str(urlsplit(server).scheme == "http").lower()
    return options


def _region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None
