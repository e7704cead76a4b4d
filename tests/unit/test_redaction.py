"""Secrets in text: found in whatever form they come, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.redaction import hide_settings, looks_secret, masked, masked_values


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an environment of its own, and settings that are forgotten afterwards."""
    monkeypatch.setattr("os.environ", {"PATH": "/usr/bin", "PWD": "/data/landing"})
    monkeypatch.setattr("iotscore.redaction._settings", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3a://AKIA1:abc/d+e=f@bucket/in", "s3a://***@bucket/in"),
        ("'s3a://AKIA1:p@ss@bucket/in' is not there", "'s3a://***@bucket/in' is not there"),
        ("s3a://AKIA1:x@b/a, then s3a://AKIA1:x@b/c", "s3a://***@b/a, then s3a://***@b/c"),
        ("https://token123@host/x", "https://***@host/x"),
        ("HDFS://u:p@host:8020/x", "HDFS://***@host:8020/x"),
        ("jdbc:postgresql://u:p@host/x?a=1", "jdbc:postgresql://***@host/x?a=1"),
        (
            "abfss://box@acct.dfs.core.windows.net/x?sv=1&sig=aB%2Bc&se=2",
            "abfss://box@acct.dfs.core.windows.net/x?sv=1&sig=***&se=2",
        ),
        (
            "https://b/x?X-Amz-Credential=AK%2F1&X-Amz-Signature=ff&X-Amz-Date=3",
            "https://b/x?X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Date=3",
        ),
        ("https://b/x?AWSAccessKeyId=AK&key=k1", "https://b/x?AWSAccessKeyId=***&key=***"),
        ("fs.s3a.secret.key=abc, fs.s3a.endpoint=x", "fs.s3a.secret.key=***, fs.s3a.endpoint=x"),
        ("fs.azure.account.key.a.net = 'a=='", "fs.azure.account.key.a.net = '***'"),
        ('{"db.password": "x y", "seed": "7"}', '{"db.password": "***", "seed": "7"}'),
        ("AccountKey=abc;EndpointSuffix=x", "AccountKey=***;EndpointSuffix=x"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("authorization: Basic dXNlcjpw, Accept: x", "authorization: ***, Accept: x"),
        ("x-api-key: k1; Host: h", "x-api-key: ***; Host: h"),
        ("password: hunter2", "password: ***"),
        ("'password': 'hunter 2'", "'password': '***'"),
        ("sent Bearer abc123.def to it", "sent Bearer *** to it"),
        ("id AKIAABCDEFGHIJKLMNOP was", "id *** was"),
        ("got eyJhbGciOi.eyJzdWIi.c2ln here", "got *** here"),
        ("ghp_abcdefghij0123 and xoxb-1234567890-x", "*** and ***"),
        ("got ya29.a0Af_H6SM-xyz.q1 here", "got *** here"),
        (f"the key {'Ab+/' * 21}Ab== is wrong", "the key *** is wrong"),
        ("Authorization: SharedKey acct:aB+/c=, x", "Authorization: ***, x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----.", "***."),
    ],
)
def test_secrets_in_text_are_masked(text: str, expected: str) -> None:
    """User and password in URIs, signatures, and values behind a telling name are replaced."""
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hdfs://host:8020/data/landing holds no CSV file",
        "s3a://bucket/in: Permission denied for me@example.org",
        "file:///data/a@b/c.csv",
        "abfss://box@acct.dfs.core.windows.net/landing",
        "--set 'seed' is not of the form key=value, such as seed=7",
        "train: {a: 1}\nthe key 'seed' is given twice",
        "mismatched input 'x': the token 'x' was found at line 1, pos 7",
        "https://host/x?design=a&signal=b&keys=c",
        "tokens: 12, cookies: 3, keys: 7",
        "db.password: unknown key (value ***); remove it or correct its spelling",
        "Basic statistics of a bearer of news, author: me",
        "12:30:00 INFO score: 260 rows of 5 files by model 0123456789ab (0.1 s, 2,600 rows/s)",
        "",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    """Paths, ports, containers, addresses and our own messages stay readable."""
    assert masked(text) == text


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("AWS_SECRET_ACCESS_KEY", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("AWS_SESSION_TOKEN", True),
        ("AZURE_STORAGE_KEY", True),
        ("AZURE_STORAGE_SAS", True),
        ("AZURE_STORAGE_ACCOUNT_KEY", True),
        ("AZURE_STORAGE_SAS_TOKEN", True),
        ("AZURE_CLIENT_SECRET", True),
        ("AZURE_STORAGE_ACCOUNT_NAME", False),
        ("AZURE_CLIENT_ID", False),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", True),
        ("DB_PASSWORD", True),
        ("PGPASSWORD", True),
        ("MYSQL_PWD", True),
        ("APIKEY", True),
        *((f"GITLAB_{name}", True) for name in ("PAT", "PASS", "AUTH", "CREDS", "DSN")),
        ("SLACK_WEBHOOK", True),
        ("TEAMS_WEBHOOK_URL", True),
        ("AUTHOR", False),
        ("PATTERN", False),
        ("COMPASS", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("fs.s3a.secret.key", True),
        ("spark.hadoop.fs.azure.account.key.a.net", True),
        ("spark.ssl.keyPassword", True),
        ("PWD", False),
        ("OLDPWD", False),
        ("PATH", False),
        ("KEYBOARD", False),
        ("MONKEY_NAME", False),
        ("spark.sql.shuffle.partitions", False),
        ("seed", False),
    ],
)
def test_names_that_look_secret(name: str, is_secret: bool) -> None:
    """The names of clouds, databases and Spark are known; a working folder is no password."""
    assert looks_secret(name) is is_secret


def test_values_of_the_environment_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is found wherever it stands, also as URIs write it; short ones are left."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "abc/def+ghi=")
    monkeypatch.setenv("SHORT_TOKEN", "landing")
    monkeypatch.setenv("PLAIN", "warehouse")
    text = "the warehouse of landing: abc/def+ghi= or abc%2Fdef%2Bghi%3D"
    assert masked(text) == "the warehouse of landing: *** or ***"


def test_the_longest_value_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One secret that begins like another leaves nothing of it behind."""
    monkeypatch.setenv("A_TOKEN", "swordfish")
    monkeypatch.setenv("B_TOKEN", "swordfish-and-more")
    assert masked("swordfish-and-more swordfish") == "*** ***"


def test_each_line_of_a_value_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of several lines may be quoted in part."""
    monkeypatch.setenv("TLS_PRIVATE_KEY", "-----BEGIN-----\nMIIabcdefgh\n-----END-----\n")
    assert masked("cannot parse MIIabcdefgh") == "cannot parse ***"


def test_settings_of_another_program_are_masked() -> None:
    """Of remembered settings those count whose names look secret."""
    settings = {"spark.hadoop.fs.s3a.secret.key": "swordfish", "spark.app.name": "iotscore score"}
    hide_settings(settings)
    assert masked("iotscore score got swordfish") == "iotscore score got ***"


def test_values_of_mappings_are_masked_by_their_keys() -> None:
    """At any depth, and the rest of the values stays as it was."""
    values = {"seed": 7, "db": [{"password": "x", "port": 1}], "token": ["a"]}
    hidden = {"seed": 7, "db": [{"password": "***", "port": 1}], "token": "***"}
    assert masked_values(values) == hidden


SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


@given(SECRET, st.text(max_size=30), st.text(max_size=30))
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    """Whatever stands around it, and whatever it is made of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_TOKEN", secret)
        assert secret not in masked(f"{before}{secret}{after}").replace("***", "")


@given(st.text(max_size=200))
def test_masking_is_done_once(text: str) -> None:
    """Text that was masked stays as it is, so it does not matter how often it passes."""
    assert masked(masked(text)) == masked(text)
