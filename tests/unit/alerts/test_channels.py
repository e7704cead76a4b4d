"""Alerts on their way to people: a real web server, real files, and what people do not want."""

from __future__ import annotations

import email
import json
import socket
import threading
from datetime import UTC, date, datetime, timedelta
from email import policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from iotscore.alerts.channels import checked, post, secrets_of, write_mail
from iotscore.alerts.suppression import SCOPE, is_hidden, is_like
from iotscore.cli.job import guarded
from iotscore.cli.monitor import channels_of, end_night, fail_on
from iotscore.errors import AlertError, ConfigError, RefusalError
from iotscore.monitoring.alerting import MonitorResult
from iotscore.redaction import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iotscore.config import Settings

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
ALERTS: list[dict[str, Any]] = [
    {
        "alert_id": f"{number:016}",
        "severity": severity,
        "kind": "drift",
        "device": device,
        "event_day": date(2026, 3, 9),
        "message": "moved",
        "feature": "H_L5_mean",
    }
    for number, (severity, device) in enumerate((("info", None), ("critical", "cam <1>\n&")))
]


class Receiver(BaseHTTPRequestHandler):
    """Answers with the next of some codes, then with 200, and keeps what it was sent."""

    codes: ClassVar[list[int]] = []
    got: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        code = self.codes.pop(0) if self.codes else 200
        self.send_response(code)
        if code == 429:
            self.send_header("Retry-After", "7")
        if code in range(300, 400):
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        """Answer as a page to which a post was redirected."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """Return the URL of a local receiver."""
    Receiver.codes, Receiver.got = [], []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/services/T0/secret"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_the_worst_first(receiver: str) -> None:
    """One message in Slack's form, a line per alert, mark-up and line ends escaped."""
    assert post(receiver, ALERTS, 1) is None
    (message,) = Receiver.got
    first, second = message["text"].splitlines()
    assert first.startswith("critical: drift of cam &lt;1&gt;\\n&amp;, 2026-03-09: moved")
    assert second.startswith("info: drift of all devices")
    assert post(receiver, [], 1) is None
    assert len(Receiver.got) == 1
    assert post(receiver, ALERTS * 30, 1) is None
    assert Receiver.got[1]["text"].splitlines()[-1] == "and 40 more: see the table alerts"


@pytest.mark.parametrize(
    ("codes", "waits", "fault"),
    [
        ([], [], None),
        ([500, 503], [1.0, 2.0], None),
        ([429], [7.0], None),
        ([500, 500, 500], [1.0, 2.0], "the receiver answered 500, 3 times"),
        ([404], [], "the receiver answered 404"),
        *(([code], [], f"the receiver answered {code}") for code in (301, 302, 303, 307, 308)),
    ],
)
def test_what_may_pass_is_tried_again(
    receiver: str, codes: list[int], waits: list[float], fault: str | None
) -> None:
    """Waiting doubles or is as long as asked for; a refusal is final."""
    Receiver.codes[:] = codes
    waited: list[float] = []
    assert post(receiver, ALERTS, 3, waited.append) == fault
    assert waited == waits


def test_nobody_there_is_no_crash() -> None:
    """The night goes on; what is said of it holds no URL."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))  # taken, and nobody listens
        url = f"http://127.0.0.1:{one.getsockname()[1]}/secret"
        fault = post(url, ALERTS, 2, lambda _: None)
    assert fault == "the receiver cannot be reached (ConnectionRefusedError), 2 times"
    with pytest.raises(ConfigError, match="does not start with https"):
        post("file:///etc/passwd", ALERTS, 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(120)) + b"\r\n",
        b"HTTP/1.1 " + b"9" * 70_000,
        b"HTTP/1.1 abc\r\n\r\n",
    ],
)
def test_what_speaks_no_http_has_got_nothing(answer: bytes) -> None:
    """Any fault of transport is undelivered, and what is said of it holds no part of the URL."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            for _ in range(2):
                client, _ = door.accept()
                with client:
                    client.recv(1 << 16)
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = door.getsockname()[1]
        fault = post(f"http://me:hunter22@127.0.0.1:{port}/k3y", ALERTS, 2, lambda _: None)
        thread.join()
    assert fault is not None
    assert fault.startswith("the receiver cannot be reached (")
    assert fault.endswith("), 2 times")


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "https:///path", "ftp://host/", "host/path", "http://host:99999/x"),
        *("http://host:port/x", "http://[::1/x", "http://host/a b", "http://host/\n", "http://hö/"),
        *("http://user:passw0rd@/x", "http://host:0/"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_at_the_start(url: str) -> None:
    """Before anything is sent, and without the URL."""
    with pytest.raises(ConfigError, match="the webhook's URL") as caught:
        checked(url)
    assert url not in str(caught.value)
    assert "passw0rd" not in str(caught.value)


def test_each_part_of_a_url_is_secret() -> None:
    """User, password, key in the path and query; but words such as ``services`` are none."""
    secrets = secrets_of("https://me:hunter%40222@host/services/T0AB12CD3/XyZ?token=abcdef123")
    assert {"me:hunter%40222", "hunter@222", "T0AB12CD3", "token=abcdef123"} <= set(secrets)
    assert "services" not in secrets


def test_mail_is_written_once(tmp_path: Path) -> None:
    """A message that any mail program reads; the same alerts give the same file."""
    for _ in range(2):
        write_mail(tmp_path / "out", ALERTS, "a@b.example", ["c@d.example", "e@f.example"], NOW)
    write_mail(tmp_path / "out", [], "a@b.example", ["c@d.example"], NOW)
    (path,) = (tmp_path / "out").iterdir()
    mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    assert path.suffix == ".eml"
    assert mail["To"] == "c@d.example, e@f.example"
    assert mail["Subject"] == "iotscore: 2 alert(s), critical: drift of cam <1>\\n&"
    assert "cam <1>\\n&, 2026-03-09: moved" in mail.get_content()


def test_the_configuration_names_a_variable_and_holds_no_url(
    receiver: str,
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Both ways are used; a folder that cannot be written is reported, and no log shows the URL."""
    (tmp_path / "file").write_text("")
    chosen = settings(
        "default",
        "monitor.webhook_variable=ALERT_HOOK",
        f"monitor.mail_folder={tmp_path / 'file' / 'mails'}",
        "monitor.attempts=1",
    )
    monkeypatch.delenv("ALERT_HOOK", raising=False)
    with pytest.raises(ConfigError, match="ALERT_HOOK, and there is no such"):
        channels_of(chosen)
    monkeypatch.setenv("ALERT_HOOK", receiver)
    channels = channels_of(chosen)
    assert {name: deliver(ALERTS) for name, deliver in channels.items()} == {
        "webhook": None,
        "mail": f"monitor.mail_folder {tmp_path / 'file' / 'mails'}: Not a directory",
    }
    assert len(Receiver.got) == 1
    assert masked(f"posting to {receiver} failed") == "posting to *** failed"


def test_exit_by_severity() -> None:
    """Only alerts that are as severe as asked for, or more, fail the job."""
    fail_on(ALERTS, None)
    fail_on(ALERTS[:1], "warning")
    with pytest.raises(AlertError, match=r"1 new alert\(s\) of severity warning or worse"):
        fail_on(ALERTS, "warning")
    assert guarded("monitor", lambda: fail_on(ALERTS, "critical")) == 3
    assert guarded("monitor", lambda: fail_on(ALERTS[:1], "critical")) == 0


@pytest.mark.parametrize(
    ("undelivered", "severity", "is_refused", "code", "said"),
    [
        ([], None, False, 0, ""),
        (["webhook: gone"], None, False, 2, "were not delivered, the next run tries again: web"),
        (["webhook: gone"], "critical", True, 3, "besides, alerts are in the table alerts but"),
        ([], "critical", True, 3, "besides, 2 file(s)"),
        ([], None, True, 2, "2 file(s)"),
    ],
)
def test_a_night_ends_with_its_gravest_fault(
    undelivered: list[str],
    severity: str | None,
    is_refused: bool,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message names the others."""
    refusal = RefusalError("2 file(s) were refused") if is_refused else None
    found = MonitorResult("model", ALERTS, undelivered, {}, 0)
    assert guarded("nightly", lambda: end_night(found, severity, refusal)) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scope", "hides"),
    [
        ({"kind": "drift"}, True),
        ({"kind": "attack"}, False),
        ({"device": "cam%"}, True),
        ({"device": "cam_"}, False),
        ({"device": "%am%", "feature": "H_L5_mean"}, True),
        ({"device": "%am%", "feature": "HH%"}, False),
        ({"source_file": "%"}, False),
    ],
)
def test_all_of_a_scope_must_match(scope: dict[str, str], hides: bool) -> None:
    """What a subject does not have matches no pattern, and time ends every suppression."""
    row = {**dict.fromkeys(SCOPE), **scope, "expires_at": NOW + timedelta(seconds=1)}
    assert is_hidden(row, ALERTS[1], NOW) is hides
    assert not is_hidden({**row, "expires_at": NOW}, ALERTS[1], NOW)


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [("a.b", "a.b", True), ("axb", "a.b", False), ("a%", "a\\%", True), ("ab", "a\\%", False)],
)
def test_patterns_are_those_of_like(text: str, pattern: str, matches: bool) -> None:
    """Signs of regular expressions mean nothing, a backslash takes the meaning from the next."""
    assert is_like(text, pattern) is matches
