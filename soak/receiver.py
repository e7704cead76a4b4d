"""A webhook's receiver that answers oddly, and well when it is told to."""

from __future__ import annotations

import socketserver
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random

_SLOW_SECONDS: Final = 12.0
"""Longer than a receiver has to answer."""
_GOOD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_ODD: Final = {
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"\x00\xff no HTTP \x1b[31m\r\n",
    "slow": b"HTTP/1.1 200 OK\r\n",
    "over 100 headers": b"HTTP/1.1 200 OK\r\n" + b"X-Odd: y\r\n" * 150 + b"\r\n",
    "nothing": b"",
}
"""Answers, none of which delivers."""


class OddReceiver:
    """Listens on this machine until the process ends.

    Attributes
    ----------
    is_odd
        Whether messages are answered oddly.
    answers
        How many there were, by kind.
    """

    def __init__(self, chance: random.Random) -> None:
        self.is_odd = True
        self.answers: Counter[str] = Counter()
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                length = 0
                while (line := self.rfile.readline()).strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.rfile.read(length)
                kind = chance.choice(sorted(_ODD)) if receiver.is_odd else "good"
                receiver.answers[kind] += 1
                self.wfile.write(_ODD.get(kind, _GOOD))
                if kind == "slow":
                    time.sleep(_SLOW_SECONDS)

        self._server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"
