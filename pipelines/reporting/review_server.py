"""Serves one run's page on this machine, and takes its corrections.

There is no path in any address: the four things that are served have fixed names.
"""

import mimetypes
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from posetube.errors import InputError, MissingFileError, PoseTubeError

from ..failures import explain
from .guarded_requests import Guard
from .report_facts import SERVED_COPY, SERVED_SOURCE
from .review_run import ReviewRun
from .served_file import asked_part

LONGEST = 10_000
"""Bytes of a correction."""

SAFE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer."""


class Correction(msgspec.Struct, frozen=True):
    """What the page sends."""

    words: str
    """As ``posetube edit`` takes it."""


class ReviewServer(ThreadingHTTPServer):
    """Answers requests until :meth:`shutdown`, or until Ctrl-C."""

    daemon_threads = True  # a browser that is still reading does not keep the program

    def __init__(self, review: ReviewRun, *, port: int = 0) -> None:
        """Bind an address of this machine.

        Args:
            review: The run.
            port: Of the address; 0: a free one.
        """
        super().__init__(("127.0.0.1", port), _Handler)
        self.review = review
        self.guard = Guard(port=self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers break off what they no longer want; that is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, work: Any) -> None:
        """Check who asks, and do it; every error becomes an answer."""
        try:
            self.server.guard.check_sender(self.headers, writes=self.command == "POST")
            if self._signs_in():
                return
            self.server.guard.check_token(self.headers)
        except InputError as error:
            return self._refuse(HTTPStatus.FORBIDDEN, str(error))
        try:
            work()
        except ConnectionError:
            raise
        except MissingFileError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except PoseTubeError as error:
            self._refuse(HTTPStatus.CONFLICT, explain(error).line)
        except Exception as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, explain(error).line)

    def _signs_in(self) -> bool:
        """Whether this is the address that was printed; then the token becomes a cookie."""
        given = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
        if not given or self.command == "POST" or not self.server.guard.knows(given):
            return False
        self._head(HTTPStatus.SEE_OTHER, {"Location": "/", "Content-Length": "0"}, cookie=True)
        return True

    def _get(self) -> None:
        asked = urlsplit(self.path).path.removeprefix("/")
        if asked == "":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.review.page())
        elif asked == SERVED_SOURCE:
            self._send_file(source := self.server.review.source(), _kind_of(source))
        elif asked == SERVED_COPY:
            self._send_file(self.server.review.copy(), "video/mp4")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing of this name")

    def _post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/edit" or not length.isdigit() or int(length) > LONGEST:
            return self._refuse(HTTPStatus.BAD_REQUEST, "this is no correction")
        if self.headers.get_content_type() != "application/json":
            return self._refuse(HTTPStatus.BAD_REQUEST, "a correction is sent as JSON")
        try:
            correction = msgspec.json.decode(self.rfile.read(int(length)), type=Correction)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._refuse(HTTPStatus.BAD_REQUEST, "this is no correction")
        line = self.server.review.correct(correction.words)
        self._send(HTTPStatus.OK, "application/json", msgspec.json.encode({"done": line}))

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        # what was sent and not read would be taken for the next request
        self.close_connection = True
        self._send(status, "application/json", msgspec.json.encode({"error": why}))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(content))})
        self._body([content])

    def _send_file(self, path: Path, kind: str) -> None:
        size = path.stat().st_size
        part = asked_part(self.headers.get("Range"), size)
        if part is None:
            headers = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            return self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(part.stop - part.first),
            "Accept-Ranges": "bytes",
        }
        if not part.whole:
            headers["Content-Range"] = part.content_range
        self._head(HTTPStatus.OK if part.whole else HTTPStatus.PARTIAL_CONTENT, headers)
        self._body(part.read(path))

    def _head(self, status: HTTPStatus, headers: dict[str, str], *, cookie: bool = False) -> None:
        self.send_response(status)
        for name, value in {**SAFE, **headers}.items():
            self.send_header(name, value)
        if cookie:
            self.send_header("Set-Cookie", self.server.guard.set_cookie)
        self.end_headers()

    def _body(self, chunks: Iterable[bytes]) -> None:
        if self.command == "HEAD":
            return
        for chunk in chunks:
            self.wfile.write(chunk)

    def version_string(self) -> str:
        """Nobody needs to know more."""
        return "posetube"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal shows the address."""


def _kind_of(path: Path) -> str:
    """What kind of picture or video a file is, by its name."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    return kind if kind.startswith(("video/", "image/")) else "application/octet-stream"
