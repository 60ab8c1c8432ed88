"""The site as `course web` serves it: over a socket, by the real server, behind one proxy that is trusted."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

Answer = tuple[int, dict[str, str], str]
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    settings = {"COURSE_HOME": str(home), "COURSE_TRUSTED_PROXIES": "1"}
    command = [sys.executable, "-m", "course", "web", "--port", str(number)]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | settings
    root = Path(__file__).parents[2]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
    try:
        _wait(number, process, home / "log")
        yield number
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            ask(port, "GET", "/healthz")
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """Header names are written with a line in place of a dash."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read().decode()
    finally:
        connection.close()


def test_the_outbox_is_open_here_and_shut_through_a_proxy(port: int) -> None:
    assert ask(port, "GET", "/outbox")[0] == 200
    assert ask(port, "GET", "/outbox", X_Forwarded_For="203.0.113.9")[0] == 403
    assert ask(port, "GET", "/outbox", X_Forwarded_For="127.0.0.1")[0] == 403
    assert ask(port, "GET", "/outbox", Forwarded="for=127.0.0.1")[0] == 403
    assert ask(port, "GET", "/outbox", Host="rebound.example")[0] == 403


def test_the_proxy_that_is_trusted_is_believed(port: int) -> None:
    assert "Strict-Transport-Security" in ask(port, "GET", "/none", X_Forwarded_Proto="https")[1]
    assert "Strict-Transport-Security" not in ask(port, "GET", "/none")[1]


def test_a_host_that_cannot_be_is_a_page(port: int) -> None:
    for host in ("x" * 5000, "[", "a b", ""):
        status, headers, page = ask(port, "GET", "/none", Host=host)
        assert status in {400, 404}
        assert "Content-Security-Policy" in headers
        assert "</html>" in page


def test_a_body_that_is_too_long_is_refused_also_in_pieces(port: int) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(port, "POST", "/signups", b"x" * 100_000, **form)[0] == 413
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    chunks = (b"x" * 10_000 for _ in range(20))
    connection.request("POST", "/signups", chunks, {"Content-Type": form["Content_Type"]}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_of_half_a_gigabyte_is_refused_before_it_is_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as line:
        head = f"POST /signups HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {500 * 1024 * 1024}\r\n\r\n"
        line.sendall(head.encode() + b"x" * 1000)
        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_no_answer_names_the_server(port: int) -> None:
    headers = ask(port, "GET", "/none")[1]
    assert "waitress" not in str(headers).lower()
    assert "werkzeug" not in str(headers).lower()
