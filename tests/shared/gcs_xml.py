"""The part of Google storage's XML interface that fake-gcs-server lacks, in front of it.

delta-rs and obstore use that interface, pyarrow the JSON one, which the server has whole. Objects,
generations and conditions are the server's: a put becomes its upload, with the condition as a
parameter instead of a header, and lists begin after ``start-after``. All else passes as it is.

A program of its own: delta-rs holds Python's lock while it waits for some answers.

usage: gcs_xml.py PORT PORT_OF_THE_SERVER
"""

from __future__ import annotations

import json
import re
import sys
from http.client import HTTPConnection, HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from xml.sax.saxutils import unescape

if TYPE_CHECKING:
    from collections.abc import Mapping

_OBJECT = re.compile(
    r"/(?!storage/|upload/|download/|batch/|_internal/)(?P<bucket>[^/]+)/(?P<key>.+)"
)
_LISTED = re.compile(r"<Contents><Key>(?P<key>.*?)</Key>.*?</Contents>", re.DOTALL)
_OF_ONE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str] | HTTPMessage
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: ClassVar[int]

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        after = parse_qs(parts.query).get("start-after")
        if (place := _OBJECT.fullmatch(parts.path)) and self.command in {"PUT", "POST"}:
            answer = self._put(place, parts.query, body)
        elif after is not None:
            answer = _later(self._forwarded(self.command, self.path, body), after[0])
        else:
            answer = self._forwarded(self.command, self.path, body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        # The answer to HEAD names the length of what it leaves out.
        length = answer.headers["Content-Length"] if self.command == "HEAD" else len(answer.body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(answer.body)

    # The names that the base class looks for.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

    def _put(self, place: re.Match[str], query: str, body: bytes) -> _Answer:
        if query or self.command == "POST":
            return _Answer(501, {}, b"large objects in parts are not done here")
        wanted = {"uploadType": "media", "name": unquote(place["key"])}
        if condition := self.headers.get("x-goog-if-generation-match"):
            wanted["ifGenerationMatch"] = condition
        path = f"/upload/storage/v1/b/{unquote(place['bucket'])}/o?{urlencode(wanted)}"
        answer = self._forwarded("POST", path, body)
        if answer.status != 200:
            return answer
        made = json.loads(answer.body)
        return _Answer(
            200, {"ETag": f'"{made["etag"]}"', "x-goog-generation": made["generation"]}, b""
        )

    def _forwarded(self, method: str, path: str, body: bytes) -> _Answer:
        server = HTTPConnection("127.0.0.1", self.upstream)
        try:
            server.request(method, path, body, dict(self.headers.items()))
            answer = server.getresponse()
            return _Answer(answer.status, answer.headers, answer.read())
        finally:
            server.close()

    def log_message(self, *_: Any) -> None:
        """Say nothing: tests look at standard error."""


def _later(answer: _Answer, after: str) -> _Answer:
    def kept(listed: re.Match[str]) -> str:
        return listed[0] if unescape(listed["key"], {"&#34;": '"', "&#39;": "'"}) > after else ""

    return answer._replace(body=_LISTED.sub(kept, answer.body.decode()).encode())


if __name__ == "__main__":
    port, _Handler.upstream = (int(each) for each in sys.argv[1:])
    ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()
