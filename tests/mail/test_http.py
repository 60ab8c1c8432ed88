import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from course.core.outcome import HELD_UP, Misconfigured, Uncertain, Unreachable
from course.mail.http import Answer, Http, Patience
from tests.mail import http_server
from tests.mail.http_cases import IMPATIENT
from tests.mail.http_server import ScriptedServer, says


@pytest.fixture
def http(server: ScriptedServer) -> Iterator[Http]:
    with closing(Http(server.url, {"X-Key": "k"})) as http:
        yield http


def test_an_answer(server: ScriptedServer, http: Http) -> None:
    server.script = [says(422, {"a": 1}, Retry_After="3")]
    answer = http.post("/x", b"{}", {"X-More": "m"})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.json, answer.after) == (422, {"a": 1}, 3.0)
    assert answer.headers["RETRY-AFTER"] == "3"
    [request] = server.seen
    assert (request.path, request.body, request.headers["X-Key"], request.headers["X-More"]) == ("/x", b"{}", "k", "m")


def test_the_reason_names_what_happened(server: ScriptedServer, http: Http) -> None:
    server.script = [http_server.resets]
    assert http.post("/", b"{}", {}) == Uncertain(
        "no answer (ConnectionResetError: [Errno 104] Connection reset by peer)"
    )


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_status_counts_though_its_body_is_lost(server: ScriptedServer, http: Http, status: int) -> None:
    def cuts(handler: http_server.Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.close_connection = True

    server.script = [cuts]
    answer = http.post("/", b"{}", {})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.json) == (status, None)


def test_the_whole_call_has_a_deadline(server: ScriptedServer) -> None:
    """By a clock that is given: 1 s for each look at it, and no waiting here."""
    server.script = [http_server.drips]
    seconds = count()
    with closing(Http(server.url, {}, Patience(total=10), lambda: next(seconds))) as http:
        answer = http.post("/", b"{}", {})
    assert isinstance(answer, Answer)
    assert answer.json is None
    assert next(seconds) == 12, "and it ended with the first look that was too late"


def test_sending_has_the_same_deadline(server: ScriptedServer) -> None:
    seconds = count(step=40)
    with closing(Http(server.url, {}, Patience(total=60), lambda: next(seconds))) as http:
        outcome = http.post("/", b"x" * 100_000, {})
    assert isinstance(outcome, Unreachable)
    assert "too long" in outcome.reason


def test_who_was_held_up_while_the_body_goes_does_not_complete_it(server: ScriptedServer, http: Http) -> None:
    server.script = [says(200, {})]
    looks = iter([True, True, False])
    outcome = http.post("/", b"x" * 100_000, {}, lambda: next(looks))
    assert outcome == HELD_UP
    assert server.seen == []


def test_a_server_that_does_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with closing(Http(url, {}, IMPATIENT)) as http:
            assert isinstance(http.post("/", b"x" * 16_000_000, {}), Unreachable)


def test_a_large_body_arrives_whole(server: ScriptedServer, http: Http) -> None:
    server.script = [says(200, {})]
    body = bytes(range(256)) * 8192
    assert isinstance(http.post("/", body, {}), Answer)
    assert server.seen[0].body == body
    assert "Transfer-Encoding" not in server.seen[0].headers


def test_a_compressed_answer_is_read(server: ScriptedServer, http: Http) -> None:
    import gzip

    server.script = [says(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")]
    answer = http.get("/", {})
    assert isinstance(answer, Answer)
    assert answer.json == {"a": 1}


def test_a_small_answer_that_becomes_a_giant_is_dropped(server: ScriptedServer, http: Http) -> None:
    import gzip

    server.script = [says(200, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")]
    answer = http.get("/", {})
    assert isinstance(answer, Answer)
    assert answer.json is None


@pytest.mark.parametrize("url", ["https://", "https://a..b", "https://[", "gopher://127.0.0.1"])
def test_an_url_that_cannot_be(url: str) -> None:
    with closing(Http(url, {})) as http:
        assert isinstance(http.post("/", b"{}", {}), Misconfigured)


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "schlüssel…"])
def test_a_header_that_cannot_be(server: ScriptedServer, key: str) -> None:
    server.script = [says(200, {})]
    with closing(Http(server.url, {"X-Key": key})) as http:
        assert isinstance(http.post("/", b"{}", {}), Misconfigured)
    assert server.seen == []


def test_a_question_that_fails_says_nothing(server: ScriptedServer, http: Http) -> None:
    server.script = [http_server.resets]
    assert isinstance(http.get("/", {"a": "b"}), Uncertain)
    assert server.seen[0].path == "/?a=b"


def test_a_stale_connection_is_not_used(server: ScriptedServer, http: Http) -> None:
    """The provider closed a connection that had been idle: the next call makes a new one, and goes once."""
    closed = threading.Event()

    def answers_and_hangs_up(handler: http_server.Handler) -> None:
        says(200, {})(handler)
        handler.close_connection = True
        handler.finish = closed_after(handler.finish, closed)  # type: ignore[method-assign]

    server.script = [answers_and_hangs_up, says(200, {})]
    assert isinstance(http.post("/", b"{}", {}), Answer)
    assert closed.wait(2)
    assert isinstance(http.post("/", b"{}", {}), Answer)
    assert (len(server.seen), server.connections) == (2, 2)


def closed_after(finish, closed: threading.Event):  # type: ignore[no-untyped-def]
    def finished() -> None:
        finish()
        threading.Timer(0.02, closed.set).start()

    return finished
