"""Object stores: three clients of each are set up alike, from a URI and the environment."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import obstore
import pyarrow as pa
import pytest
from pyarrow import fs

from iotscore import object_stores
from iotscore.errors import UriError
from iotscore.landing.filesystems import open_storage
from iotscore.warehouse.delta_rs import files, writes
from iotscore.warehouse.delta_rs import table as delta
from iotscore.warehouse.delta_rs.object_store import store_of
from storage_fixtures import AZURE_ACCOUNT, STORES

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "dfs.core.windows.net"
ONE_ROW = pa.table({"file_id": ["a"], "x": [1.0]})


@pytest.mark.parametrize(
    ("uri", "plain", "key"),
    [
        ("s3a://bucket/a/b/", "s3://bucket/a/b", "bucket/a/b"),
        ("s3n://bucket", "s3://bucket", "bucket"),
        (f"abfs://box@acct.{HOST}/a%20b", f"abfss://box@acct.{HOST}/a%20b", "box/a b"),
        ("abfss://box/a", f"abfss://box@{AZURE_ACCOUNT}.{HOST}/a", "box/a"),
        ("gs://bucket/a", "gs://bucket/a", "bucket/a"),
    ],
)
def test_all_names_of_a_place_are_one(uri: str, plain: str, key: str) -> None:
    """Clients get the scheme that all of them know, and an object's name without the account."""
    assert object_stores.is_object_store(uri)
    assert object_stores.plain_uri(uri) == plain
    assert object_stores.key_of(uri) == object_stores.key_of(plain) == key
    assert object_stores.hadoop_uri(uri) == plain.replace("s3:", "s3a:")


@pytest.mark.parametrize("path", ["/data/s3:x", "file:///gs", "hdfs://host/abfss", "s3x://b/a"])
def test_other_storage_is_no_object_store(path: str) -> None:
    """Only the scheme decides."""
    assert not object_stores.is_object_store(path)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:secret@bucket/warehouse",
        "s3a://key:sec/ret@bucket/warehouse",
        "gs://me@bucket/a",
        f"abfss://box:secret@acct.{HOST}/a",
        f"abfss://box@acct.{HOST}/a?sv=2022-11-02&sig=secret",
    ],
)
def test_a_secret_in_a_uri_is_refused(uri: str) -> None:
    """For landing folder and warehouse alike, whichever client would open it."""
    told = r"holds credentials.*give them by the environment \((AWS|AZURE|GOOGLE)_"
    for open_it in (open_storage, object_stores.plain_uri, files.delta_options, store_of):
        with pytest.raises(UriError, match=told):
            open_it(uri)


def test_a_container_without_an_account_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to write instead is said."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    with pytest.raises(UriError, match="names no storage account: write abfss://CONTAINER@"):
        open_storage("abfss://box/a")


def test_an_azure_of_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own host for each account; a server on loopback has the account in the path."""
    key = os.environ["AZURE_STORAGE_ACCOUNT_KEY"]
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "https://acct.blob.core.usgovcloudapi.net")
    assert object_stores.filesystem(
        "abfss://box@acct.dfs.core.windows.net/a"
    ) == fs.AzureFileSystem(
        "acct",
        account_key=key,
        blob_storage_authority=".blob.core.usgovcloudapi.net",
        dfs_storage_authority=".dfs.core.usgovcloudapi.net",
    )


def seen_by_all(root: str) -> None:
    """See that what one client writes the others find."""
    table = f"{root}/t"
    writes.create_table(table, ONE_ROW.schema, ["file_id"])
    writes.append_rows(table, ONE_ROW)
    (path,) = delta.data_files(table, {})
    assert path.startswith(f"{table}/")
    assert files.size_of(path) == len(files.content_of(path)) > 0
    with files.created(f"{root}/one") as stream:
        stream.write(b"content")
    assert bytes(obstore.get(store_of(root), "one").bytes()) == b"content"
    storage, folder = open_storage(root)
    found = storage.get_file_info(fs.FileSelector(folder, recursive=True))
    there = {info.path[len(folder) + 1 :]: info for info in found}
    assert {"one", path[len(root) + 1 :]} <= set(there)
    assert abs(there["one"].mtime_ns - time.time_ns()) < 60e9
    files.delete(f"{root}/one")
    files.delete(f"{root}/one")
    assert files.listed(root) == []


@pytest.mark.parametrize("scheme", STORES)
@pytest.mark.parametrize("folder", ["warehouse", "a%20space", "ä ö"])
def test_three_clients_see_one_folder(
    scheme: str, folder: str, new_bucket: Callable[[str], str]
) -> None:
    """A table's log and its data files lie side by side, whatever the folder is called."""
    bucket = new_bucket(scheme)
    root = f"{bucket}/{folder}"
    seen_by_all(root)
    storage, whole = open_storage(f"{bucket}/")
    assert storage.get_file_info(whole).type == fs.FileType.Directory
    files.delete_folder(root)
    files.delete_folder(root)
    assert files.listed(f"{root}/t/_delta_log") == []


def test_a_shared_access_signature_is_enough(
    new_bucket: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All clients of Azure take it from one variable; Azurite deletes no folder by it."""
    bucket, key = new_bucket("abfss"), os.environ["AZURE_STORAGE_ACCOUNT_KEY"]
    what = {"sp": "rwdlac", "ss": "b", "srt": "sco", "st": "", "se": "2099-01-01T00:00:00Z"}
    what |= {"sip": "", "spr": "https,http", "sv": "2022-11-02", "ses": ""}
    signed = "\n".join([AZURE_ACCOUNT, *what.values(), ""]).encode()
    digest = hmac.digest(base64.b64decode(key), signed, hashlib.sha256)
    known = {name: value for name, value in what.items() if value}
    token = urlencode(known | {"sig": base64.b64encode(digest).decode()})
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", token)
    seen_by_all(f"{bucket}/warehouse")
