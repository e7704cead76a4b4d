"""What must hold of any answer of a webhook's receiver; the tests replay it too."""

from __future__ import annotations

import re
import socket
import threading
from datetime import date
from typing import Any

from iotscore.alerts.channels import post

SEEDS = (
    b"\x00HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"\x00HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
    b"\x00HTTP/1.1 429 Busy\r\nRetry-After: 99999\r\n\r\n",
    b"\x00HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
    b"\x00SSH-2.0-OpenSSH_9.6\r\n",
    b"\x01\x2eRetry-After: \xd9\xa3\r\n\r\n",
    b"\x01\x00" + b"x: y\r\n" * 101 + b"\r\n",
    b"\x01\x01Transfer-Encoding: chunked\r\n\r\nzz\r\n",
)
"""Where the fuzzer starts."""
_CODES = (200, 204, 301, 303, 307, 400, 401, 404, 429, 500, 503)
_SECRET = "T0k3nT0k3n"  # noqa: S105 - made up, to look for
_MOST_WAIT = 60.0
_LONGEST = 200
_ALERT: dict[str, Any] = {
    "alert_id": "1",
    "severity": "critical",
    "kind": "drift",
    "device": None,
    "event_day": date(2026, 3, 9),
    "message": "moved",
}
_GOOD = re.compile(rb"HTTP/[^\s]* +0*2\d\d\b")


def check(data: bytes) -> None:
    """Answer a post; it is delivered, or one line says why not, and nothing else is raised.

    The first byte chooses: the rest is the answer, or a status and what follows its line.
    """
    answer = data[1:]
    if data[:1] == b"\x01":
        code = _CODES[answer[0] % len(_CODES)] if answer else 200
        answer = b"HTTP/1.1 %d \r\n%s" % (code, answer[1:])
    waits: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = threading.Thread(target=_answer, args=(server, answer), daemon=True)
        receiver.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/{_SECRET}"
        fault = post(url, [_ALERT], 2, waits.append)
        server.shutdown(socket.SHUT_RDWR)  # wakes the receiver, which closing does not
    receiver.join()
    _require(all(0 < seconds <= _MOST_WAIT for seconds in waits), "waits are bounded")
    if fault is None:
        _require(_GOOD.search(answer) is not None, "delivered at 2xx only")
        return
    _require(fault.isprintable() and 0 < len(fault) <= _LONGEST, "one line of bounded length")
    _require(_SECRET not in fault, "no secret is told")


def _answer(server: socket.socket, answer: bytes) -> None:
    """Answer all that connect in the same way, until nobody can any more."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                continue


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise AssertionError(what)
