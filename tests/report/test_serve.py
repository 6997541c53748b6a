"""The server answers this machine alone: its own name, GET, and the pages that are named."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from edgewise.core.errors import InputError
from edgewise.report.serve import PageServer, Query, html, json_of
from tests.report.hostile import HOSTILE


def refuse(query: Query) -> tuple[str, bytes]:
    raise InputError(f"{query.get('study')}: is no study")


@pytest.fixture
def server() -> Iterator[PageServer]:
    routes = {"/": lambda query: html("<p>page"), "/live": lambda query: ("x", b""), "/study": refuse,
              "/json": lambda query: json_of(dict(query))}  # fmt: skip
    with PageServer(routes) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: PageServer, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def raw(server: PageServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_it_is_bound_to_loopback_alone(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/"


def test_a_page_is_answered_with_headers_that_keep_it_here(server: PageServer) -> None:
    status, text, headers = ask(server, "/")
    assert (status, text) == (200, "<p>page")
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:9000", "[::1]:{port}"])
def test_names_of_this_machine_are_answered_through_a_tunnel_too(host: str, server: PageServer) -> None:
    assert ask(server, "/", Host=host.format(port=server.server_port))[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil:80",
                                  "evil@127.0.0.1", "0.0.0.0:{port}", ""])  # fmt: skip
def test_other_hosts_are_refused(host: str, server: PageServer) -> None:
    status, text, _ = ask(server, "/", Host=host.format(port=server.server_port))
    assert status == 403 and "<p>page" not in text


def test_no_host_and_two_hosts_are_refused(server: PageServer) -> None:
    assert b" 403 " in raw(server, b"GET / HTTP/1.0\r\n\r\n")
    two = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n"
    assert b" 403 " in raw(server, two)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "MADE_UP"])
def test_other_methods_are_refused(method: str, server: PageServer) -> None:
    assert ask(server, "/", method)[0] == 405


@pytest.mark.parametrize("path", ["/x", "/../etc/passwd", "/%2e%2e/", "/report.html/..", "/live/", "/study.json"])
def test_paths_that_are_not_named_are_refused(path: str, server: PageServer) -> None:
    assert ask(server, path)[0] == 404


def test_an_error_of_the_user_is_plain_text(server: PageServer) -> None:
    status, text, headers = ask(server, "/study?study=%3Cscript%3E")
    assert (status, text) == (404, "<script>: is no study")
    assert headers["Content-Type"].startswith("text/plain")


def test_what_has_not_changed_has_no_content(server: PageServer) -> None:
    assert ask(server, "/live")[:2] == (204, "")


def test_a_query_arrives_as_it_was_sent(server: PageServer) -> None:
    from urllib.parse import quote

    assert ask(server, f"/json?study={quote(HOSTILE)}")[0] == 200


def test_a_port_that_is_taken_is_said(server: PageServer) -> None:
    with pytest.raises(InputError, match=f"^--port {server.server_port}: .*; give another"):
        PageServer({}, server.server_port)
