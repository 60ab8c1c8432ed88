"""The only user of `requests`: one policy for time and size, and one reading of failures.

What surely was not sent is Unreachable (or Misconfigured, where waiting will not help). From the last byte of the
request on it may have been taken, and only an answer can say that it was not.
"""

import io
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError  # the names of what `requests` lets through while a body is read

from course.core.outcome import HELD_UP, Misconfigured, Outcome, Uncertain, Unreachable
from course.mail.waiting import wait_asked_for

CHUNK = 16 * 1024
LONGEST_BODY = 256 * 1024  # an answer to 500 messages has about 100 KiB
THREADS = 32


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection, for a single read, and for the whole call. A lease must be much longer."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `json` is None if the body was not JSON, too long, cut or too slow: the status still counts."""

    status: int
    headers: Mapping[str, str]  # names in any case
    json: Any

    @property
    def after(self) -> float | None:
        """The wait in seconds that the answer asks for, if it does."""
        return wait_asked_for(self.headers)


class Http:
    """Calls to one base URL with fixed headers, from up to 32 threads at once."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        patience: Patience | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self._base_url = base_url
        self._patience = patience or Patience()
        self._monotonic = monotonic
        self._session = _session(headers)

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], ready: Callable[[], bool] = lambda: True
    ) -> Answer | Outcome:
        """Posts a body that is not empty. An Outcome means that no answer came, or a redirect. `ready` is asked before
        each piece of the body goes, and so when the request cannot be complete yet; False ends the call."""
        upload = _Upload(body, self._deadline(), ready)
        try:
            return self._ask("POST", path, upload.deadline, data=upload, headers=headers)
        except (OSError, HTTPError, ValueError, _HeldUp) as error:
            return _failure(error, upload.complete)

    def get(self, path: str, params: Mapping[str, str]) -> Answer | Outcome:
        """Asks for something. Whether the question arrived does not matter, so a failure says nothing of that."""
        try:
            return self._ask("GET", path, self._deadline(), params=params)
        except (OSError, HTTPError, ValueError) as error:
            return _failure(error, sent=True)

    def close(self) -> None:
        self._session.close()

    def _deadline(self) -> "_Deadline":
        return _Deadline(self._monotonic() + self._patience.total, self._monotonic)

    def _ask(self, method: str, path: str, deadline: "_Deadline", **request: Any) -> Answer | Outcome:
        timeout = (self._patience.connect, self._patience.read)
        with self._session.request(
            method, self._base_url + path, timeout=timeout, stream=True, allow_redirects=False, **request
        ) as response:
            if 300 <= response.status_code < 400:
                return Misconfigured(f"{response.status_code}, a redirect: the base URL is wrong")
            return Answer(response.status_code, response.headers, _json(_body(response, deadline)))


@dataclass(frozen=True, slots=True)
class _Deadline:
    at: float
    monotonic: Callable[[], float]

    def check(self) -> None:
        if self.monotonic() > self.at:
            raise TimeoutError("the call took too long as a whole")


class _HeldUp(Exception):
    """The call is not to be made any more."""


class _Upload(io.BytesIO):
    """A request body that knows how much of it was handed over.

    urllib3 reads it in pieces of 16 KiB, so that its timeout for a write (the one for connecting) is for one piece
    and not for a batch of 8 MB, and the deadline is looked at between two pieces.
    """

    def __init__(self, body: bytes, deadline: _Deadline, ready: Callable[[], bool]):
        super().__init__(body)
        self.deadline = deadline
        self._ready = ready
        self._length = len(body)

    def read(self, size: int | None = -1, /) -> bytes:
        self.deadline.check()
        if not self._ready():
            raise _HeldUp
        return super().read(size)

    @property
    def complete(self) -> bool:
        """Half of a JSON array is no request, so until this is true nothing can have been taken."""
        return self.tell() == self._length


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """No answer is a redirect: else `requests` reads the body of one whole, without a limit, to work out where
        it would lead, and that even if it is not to follow it."""


def _session(headers: Mapping[str, str]) -> requests.Session:
    session = _Session()
    session.trust_env = False  # else a .netrc replaces our key, and a proxy variable sends it elsewhere
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # else threads would share a jar
    session.headers.update(headers)
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=THREADS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _body(response: requests.Response, deadline: _Deadline) -> bytes | None:
    """All of it, or None. `read1` returns what has come; `iter_content` would wait for a dripping chunk to fill."""
    body = bytearray()
    try:
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            body += chunk
            deadline.check()
            if len(body) > LONGEST_BODY:
                return None
    except (OSError, HTTPError):
        return None
    return bytes(body)


def _json(body: bytes | None) -> Any:
    try:
        return None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None


def _failure(error: Exception, sent: bool) -> Outcome:
    cause = _cause(error)
    reason = f"{type(cause).__name__}: {cause}"
    if sent:
        return Uncertain(f"no answer ({reason})")
    if isinstance(cause, _HeldUp):
        return HELD_UP
    if isinstance(cause, ssl.SSLEOFError):  # somebody hung up during the handshake
        return Unreachable(reason)
    if isinstance(cause, (ssl.SSLError, ValueError)):  # a certificate; a URL or a header that cannot be
        return Misconfigured(reason)
    return Unreachable(reason)


def _cause(error: BaseException) -> BaseException:
    """The innermost error. `requests` and urllib3 wrap it several times: as an argument, a reason or a cause."""
    inner = (*error.args, getattr(error, "reason", None), error.__cause__)
    return next((_cause(one) for one in inner if isinstance(one, Exception)), error)
