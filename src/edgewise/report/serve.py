"""Serve pages to this machine alone: HTTP on 127.0.0.1, GET only, no files but those that are named.

A page that somebody visits elsewhere could let its own name resolve to 127.0.0.1 and then read what is served here
(DNS rebinding); so a request that does not name this machine as its host is refused.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edgewise.core.errors import InputError

HOST = "127.0.0.1"

Answer = tuple[str, bytes]
"""Type and content; no content where nothing has changed."""

Query = Mapping[str, str]

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# What a request may call this server. The port may be another: that of a tunnel of ssh.
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
# Seconds that a connection may be silent.
_SILENT = 10


def html(text: str) -> Answer:
    """A page as an answer. A lone surrogate, which only untrusted text can hold, is replaced."""
    return "text/html; charset=utf-8", text.encode("utf-8", "replace")


def json_of(data: Any) -> Answer:
    """JSON as an answer."""
    return "application/json", json.dumps(data, allow_nan=False).encode()


class PageServer(ThreadingHTTPServer):
    """Serves the answers of `routes`, path -> function of the query, on `port` of 127.0.0.1; 0 for any free one.

    A function that raises InputError answers with its line and status 404. InputError where the port cannot be used.
    """

    daemon_threads = True
    # A server that has just ended leaves its port for a minute.
    allow_reuse_address = True

    def __init__(self, routes: Mapping[str, Callable[[Query], Answer]], port: int = 0) -> None:
        self.routes = routes
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise InputError(f"--port {port}: {error.strerror}; give another, or 0 for any free one") from None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    def server_bind(self) -> None:
        """Without asking a name server what this machine is called, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no fault of this server."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = "edgewise"
    sys_version = ""
    timeout = _SILENT

    def parse_request(self) -> bool:
        """Refuse what is asked of another host, or is no GET, before anything is looked at."""
        if not super().parse_request():
            return False
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
            self._send(HTTPStatus.FORBIDDEN, html("this server answers to 127.0.0.1 and localhost alone"))
            return False
        if self.command != "GET":
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, html("only GET"))
            return False
        return True

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        route = self.server.routes.get(asked.path)
        if route is None:
            self._send(HTTPStatus.NOT_FOUND, html("no such page"))
            return
        try:
            answer = route({name: values[0] for name, values in parse_qs(asked.query).items()})
        except InputError as error:
            self._send(HTTPStatus.NOT_FOUND, ("text/plain; charset=utf-8", str(error).encode("utf-8", "replace")))
            return
        self._send(HTTPStatus.OK if answer[1] else HTTPStatus.NO_CONTENT, answer)

    def _send(self, status: HTTPStatus, answer: Answer) -> None:
        kind, content = answer
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal has the address alone."""
