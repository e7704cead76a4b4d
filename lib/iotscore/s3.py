"""Clients of S3 and of servers that speak its protocol, all set up by the same variables.

``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` name a server that is not Amazon's, ``AWS_REGION``
or ``AWS_DEFAULT_REGION`` the region. Credentials are never read here: each client finds them as
Amazon's own do, in the environment or from the machine's role.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

from pyarrow import fs

SCHEMES: Final = frozenset({"s3", "s3a", "s3n"})
"""Names of the same storage: Amazon's, and those of Hadoop's clients."""

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


def endpoint() -> str | None:
    """Return the address of a server that is not Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


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
