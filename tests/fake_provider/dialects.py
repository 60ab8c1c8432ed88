"""How Postmark and Resend say things: what a request means, and how an answer looks.

Sources: postmarkapp.com/developer and resend.com/docs, read 2026; shared/providers.md 3.3 and 3.4 has the digest.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.fake_provider.wire import Reply, Request, as_json

_ADDRESS = re.compile(r"[!-~]+@[!-~]+\.[!-~]+|[!-~]+@localhost")  # both take ASCII only before the @


@dataclass(frozen=True, slots=True)
class Item:
    """One message of a request, in our words."""

    send_id: str
    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]  # names in lower case
    stream: str = ""

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(f"{self.subject}\0{self.text}\0{self.html}".encode()).hexdigest()

    @property
    def unresolved(self) -> bool:
        return any("{{" in part for part in (self.subject, self.text, self.html))

    @property
    def problem(self) -> str:
        """ "recipient", "message" or ""."""
        if not _ADDRESS.fullmatch(self.to):
            return "recipient"
        return "" if self.subject and (self.text or self.html) else "message"


class Refused(Exception):
    """The request as a whole is answered by this."""

    def __init__(self, reply: Reply):
        super().__init__(reply.status)
        self.reply = reply


class Dialect(ABC):
    name: ClassVar[str]
    batch_size: ClassVar[int]
    honours_keys: ClassVar[bool]

    @abstractmethod
    def authorise(self, request: Request, key: str | None) -> None:
        """Raises Refused unless the headers are right; `key` None lets in any key that is not empty."""

    @abstractmethod
    def item(self, raw: Any) -> Item: ...

    @abstractmethod
    def refusal(self, what: str) -> Reply:
        """The whole call is refused because of a recipient, a message, an account or a quota."""

    @abstractmethod
    def answer(self, items: Sequence[Item], results: Sequence[tuple[str, str]], *, single: bool) -> Reply:
        """`results`: for each item (id, "") if it was taken, else ("", what is wrong)."""

    @abstractmethod
    def strict(self, request: Request) -> bool:
        """One bad item refuses the whole call."""

    def items(self, request: Request, *, single: bool) -> list[Item]:
        raw = request.json
        if isinstance(raw, list) == single or raw in ([], {}) or (not single and len(raw) > self.batch_size):
            raise Refused(self.refusal("message"))
        return [self.item(one) for one in ([raw] if single else raw)]

    def send_ids(self, body: bytes | bytearray) -> list[str]:
        """The send ids of a request without reading its JSON. Within a text the quotes would be escaped."""
        found, mark = [], self.mark
        at = body.find(mark)
        while at >= 0:
            start = at + len(mark)
            found.append(body[start : start + 32].decode())
            at = body.find(mark, start)
        return found

    mark: ClassVar[bytes]


class Postmark(Dialect):
    name = "postmark"
    batch_size = 500
    honours_keys = False
    mark = b'"Metadata":{"send_id":"'

    def authorise(self, request: Request, key: str | None) -> None:
        given = request.headers.get("x-postmark-server-token", "")
        if not given or (key and given != key):
            raise Refused(self.refusal("account"))
        json = "application/json"
        if request.headers.get("accept") != json or (request.body and request.headers.get("content-type") != json):
            raise Refused(as_json(422, {"ErrorCode": 409, "Message": "JSON required"}))

    def item(self, raw: Any) -> Item:
        headers = {header["Name"].lower(): header["Value"] for header in raw.get("Headers", ())}
        texts = [str(raw.get(name, "")) for name in ("To", "Subject", "TextBody", "HtmlBody")]
        send_id, stream = raw.get("Metadata", {}).get("send_id", ""), raw.get("MessageStream", "outbound")
        return Item(send_id, *texts, headers, stream)

    def refusal(self, what: str) -> Reply:
        status, code, message = {
            "account": (401, 10, "The Server Token you provided in the request header was invalid."),
            "quota": (422, 405, "Not allowed to send. You ran out of credits."),
            "recipient": (422, 300, "Invalid 'To' address: 'x'."),
            "message": (422, 300, "Invalid email request: provide either a text or an HTML body."),
            "rate": (429, 429, "Rate limit exceeded."),
            "server": (500, 500, "Internal server error"),
        }[what]
        return as_json(status, {"ErrorCode": code, "Message": message})

    def answer(self, items: Sequence[Item], results: Sequence[tuple[str, str]], *, single: bool) -> Reply:
        said = [self._said(item, *result) for item, result in zip(items, results, strict=True)]
        if single:
            return as_json(200 if said[0]["ErrorCode"] == 0 else 422, said[0])
        return as_json(200, said)

    def _said(self, item: Item, identity: str, wrong: str) -> dict[str, Any]:
        if wrong == "recipient":
            return {"ErrorCode": 406, "Message": "You tried to send to a recipient that has been marked as inactive."}
        if wrong:
            return {"ErrorCode": 300, "Message": "Invalid email request: the body cannot be read."}
        submitted = {"To": item.to, "SubmittedAt": "2026-11-23T15:00:00.1Z", "MessageID": identity}
        return submitted | {"ErrorCode": 0, "Message": "OK"}

    def strict(self, request: Request) -> bool:
        return False


class Resend(Dialect):
    name = "resend"
    batch_size = 100
    honours_keys = True
    mark = b'{"name":"send_id","value":"'

    def authorise(self, request: Request, key: str | None) -> None:
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer ") or (key and given != f"Bearer {key}"):
            raise Refused(self.refusal("account"))
        if not 0 < len(request.headers.get("idempotency-key", "-")) <= 256:
            raise Refused(_resend(400, "invalid_idempotency_key", "The key must be between 1-256 chars."))

    def item(self, raw: Any) -> Item:
        headers = {name.lower(): value for name, value in raw.get("headers", {}).items()}
        tags = {tag["name"]: tag["value"] for tag in raw.get("tags", ())}
        to = raw.get("to", "")
        texts = [str(raw.get(name, "")) for name in ("subject", "text", "html")]
        return Item(tags.get("send_id", ""), to[0] if isinstance(to, list) else to, *texts, headers)

    def refusal(self, what: str) -> Reply:
        return _resend(
            *{
                "account": (401, "invalid_api_key", "API key is invalid"),
                "quota": (429, "daily_quota_exceeded", "You have reached your daily email sending quota."),
                "recipient": (422, "validation_error", "Invalid `to` field."),
                "message": (422, "validation_error", "Invalid `html` field."),
                "rate": (429, "rate_limit_exceeded", "Too many requests."),
                "server": (500, "application_error", "An unexpected error occurred."),
            }[what]
        )

    def answer(self, items: Sequence[Item], results: Sequence[tuple[str, str]], *, single: bool) -> Reply:
        if single:
            return as_json(200, {"id": results[0][0]}) if results[0][0] else self.refusal(results[0][1])
        answer: dict[str, Any] = {"data": [{"id": identity} for identity, _ in results if identity]}
        errors = [
            {"index": index, "message": "Invalid `to` field." if wrong == "recipient" else "Invalid `html` field."}
            for index, (_, wrong) in enumerate(results)
            if wrong
        ]
        return as_json(200, answer | ({"errors": errors} if errors else {}))

    def strict(self, request: Request) -> bool:
        return request.headers.get("x-batch-validation") != "permissive"


def _resend(status: int, name: str, message: str) -> Reply:
    return as_json(status, {"statusCode": status, "name": name, "message": message})


CONCURRENT = _resend(409, "concurrent_idempotent_requests", "The same key is being used by another request.")
OTHER_BYTES = _resend(409, "invalid_idempotent_request", "This key was used with a different payload.")
POSTMARK, RESEND = Postmark(), Resend()
DOORS: dict[str, tuple[Dialect, bool]] = {
    "/email": (POSTMARK, True),
    "/email/batch": (POSTMARK, False),
    "/emails": (RESEND, True),
    "/emails/batch": (RESEND, False),
}
