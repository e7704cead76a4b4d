"""Object stores: which schemes of URIs mean one, and how each client of one is set up.

Data files go through pyarrow, tables through delta-rs, single objects through obstore. All three
find credentials as the cloud's own clients do, in the environment or by the machine's identity;
what one of them does not look up by itself is handed to it here. ``docs/storage.md`` lists the
variables.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from pyarrow import fs

from iotscore.errors import UriError

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_REGION: Final = "us-east-1"
"""What servers that know no regions expect in a signature; Amazon's own clients fall back on it."""
_SERVERS: Final = (
    *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURE_STORAGE_ACCOUNT_NAME"),
    "STORAGE_EMULATOR_HOST",
)
_AZURE_HOST: Final = "dfs.core.windows.net"
_GOOGLE_PATIENCE: Final = timedelta(minutes=3)
"""After so long pyarrow gives up, as the others do; by itself it would after 15 minutes."""


class _Store(NamedTuple):
    """A kind of object store.

    Attributes
    ----------
    scheme, hadoop
        What all clients of ours call it, and Hadoop's.
    filesystem
        Makes pyarrow's client for a URI.
    options
        Returns what delta-rs and obstore need to know beside what they look up.
    variables
        Where credentials come from, for people.
    """

    scheme: str
    hadoop: str
    filesystem: Callable[[str], fs.FileSystem]
    options: Callable[[], dict[str, str]]
    variables: str


def is_object_store(uri: str) -> bool:
    """Say whether a path or URI is one of an object store."""
    return urlsplit(uri).scheme in _STORES


def plain_uri(uri: str) -> str:
    """Return a URI under the scheme and in the form that all clients know.

    Raises
    ------
    UriError
        It holds credentials, or names no account.
    """
    return f"{bucket_of(uri)}{urlsplit(uri).path}".rstrip("/")


def hadoop_uri(uri: str) -> str:
    """Return a URI as Spark's own reader knows it."""
    store = _store(uri)
    return f"{store.hadoop}{plain_uri(uri).removeprefix(store.scheme)}"


def bucket_of(uri: str) -> str:
    """Return the plain URI of the bucket that a URI leads into."""
    store, place = _store(uri), urlsplit(uri).netloc
    if store is _AZURE and "@" not in place:
        place = f"{place}@{_azure_account(uri)}.{_AZURE_HOST}"
    return f"{store.scheme}://{place}"


def key_of(uri: str) -> str:
    """Return bucket and key, as pyarrow names an object; ``%20`` is a space, as for delta-rs."""
    parts = urlsplit(uri)
    return unquote(f"{parts.netloc.partition('@')[0]}{parts.path}").rstrip("/")


def filesystem(uri: str) -> fs.FileSystem:
    """Return pyarrow's client."""
    return _store(uri).filesystem(uri)


def client_options(uri: str) -> dict[str, str]:
    """Return what delta-rs and obstore need to know beside the credentials."""
    return _store(uri).options()


def variables(uri: str) -> str:
    """Return the name of the variable that credentials mostly come from."""
    return _store(uri).variables


def servers() -> dict[str, str]:
    """Return the variables that say which server, region and account it is; none is a secret.

    Those without a value are empty: whoever takes them over gets no other server by its own.
    """
    return {name: os.environ.get(name, "") for name in _SERVERS}


def _store(uri: str) -> _Store:
    """Return what is known of a URI's store.

    A secret may hold a slash, which ends the part that the user belongs to; no bucket has a colon.
    What stands before the @ in Azure is the container.
    """
    parts = urlsplit(uri)
    store = _STORES[parts.scheme]
    signs = {":"} if store is _AZURE else {"@", ":"}
    if signs.isdisjoint(parts.netloc) and "sig=" not in parts.query:
        return store
    message = (
        f"the URI {uri!r} holds credentials, which show in logs and lists of processes: give them "
        f"by the environment ({store.variables}) or the machine's identity"
    )
    raise UriError(message)


def _variable(*names: str) -> str | None:
    """Return the first of some variables that has a value."""
    return next((value for name in names if (value := os.environ.get(name))), None)


def _may_be_plain(server: str) -> dict[str, str]:
    return {"allow_http": str(urlsplit(server).scheme == "http").lower()}


def _s3_server() -> str | None:
    return _variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def _s3_region() -> str | None:
    return _variable("AWS_REGION", "AWS_DEFAULT_REGION")


def _s3_files(_uri: str) -> fs.FileSystem:
    server, region = _s3_server(), _s3_region()
    if server is None:
        return fs.S3FileSystem(region=region, allow_delayed_open=True)
    return fs.S3FileSystem(
        endpoint_override=server, region=region or _DEFAULT_REGION, allow_delayed_open=True
    )


def _s3_options() -> dict[str, str]:
    options = {"region": _s3_region() or _DEFAULT_REGION}
    if server := _s3_server():
        options |= {"endpoint": server} | _may_be_plain(server)
    return options


def _azure_account(uri: str) -> str:
    host = urlsplit(uri).netloc.partition("@")[2]
    if account := host.partition(".")[0] or _variable("AZURE_STORAGE_ACCOUNT_NAME"):
        return account
    message = (
        f"the URI {uri} names no storage account: write abfss://CONTAINER@ACCOUNT.{_AZURE_HOST}/..."
        " or set AZURE_STORAGE_ACCOUNT_NAME"
    )
    raise UriError(message)


def _azure_server() -> str | None:
    return _variable("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")


def _azure_files(uri: str) -> fs.FileSystem:
    """Return pyarrow's client, which reads other variables of Azure's than keys by itself."""
    account, known = _azure_account(uri), dict[str, str | None]()
    if server := _azure_server():
        parts = urlsplit(server)
        host = parts.netloc.removeprefix(account)
        known["blob_storage_authority"] = host
        known["dfs_storage_authority"] = host.replace(".blob.", ".dfs.")
        known["blob_storage_scheme"] = known["dfs_storage_scheme"] = parts.scheme
    if key := _variable("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY"):
        known["account_key"] = key
    elif token := _variable("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"):
        known["sas_token"] = f"?{token.removeprefix('?')}"  # it is set behind the address as it is
    elif _variable("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE") is None:
        known["client_id"] = _variable("AZURE_CLIENT_ID")  # one of several identities of a machine
    return fs.AzureFileSystem(account, **known)


def _azure_options() -> dict[str, str]:
    server = _azure_server()
    return _may_be_plain(server) if server else {}


def _google_server() -> str | None:
    """Return the address of a server that is not Google's, which asks nobody who he is."""
    server = _variable("STORAGE_EMULATOR_HOST")
    return server if server is None or "://" in server else f"http://{server}"


def _google_files(_uri: str) -> fs.FileSystem:
    server = _google_server()
    if server is None:
        return fs.GcsFileSystem(retry_time_limit=_GOOGLE_PATIENCE)
    parts = urlsplit(server)
    return fs.GcsFileSystem(
        anonymous=True,
        scheme=parts.scheme,
        endpoint_override=parts.netloc,
        retry_time_limit=_GOOGLE_PATIENCE,
    )


def _google_options() -> dict[str, str]:
    server = _google_server()
    if server is None:
        return {}
    nobody = dict.fromkeys(("private_key", "private_key_id", "client_email"), "")
    key = json.dumps({"gcs_base_url": server, "disable_oauth": True} | nobody)
    return {"service_account_key": key} | _may_be_plain(server)


_S3: Final = _Store("s3", "s3a", _s3_files, _s3_options, "AWS_ACCESS_KEY_ID and others")
_AZURE: Final = _Store(
    "abfss", "abfss", _azure_files, _azure_options, "AZURE_STORAGE_ACCOUNT_KEY and others"
)
_GOOGLE: Final = _Store(
    "gs", "gs", _google_files, _google_options, "GOOGLE_APPLICATION_CREDENTIALS and others"
)
_STORES: Final = {
    **dict.fromkeys(("s3", "s3a", "s3n"), _S3),
    **dict.fromkeys(("abfss", "abfs"), _AZURE),
    "gs": _GOOGLE,
}
"""By schemes: the clouds' own, and those of Hadoop's clients."""
