"""Resend: batches of independent messages; the same key with the same bytes sends nothing twice for 24 hours.

Source: resend.com/docs (api-reference/emails, api-reference/errors, dashboard/emails/idempotency-keys), read 2026.
"""

from typing import Any, ClassVar

from course.core.letter import Message, one_line
from course.core.outcome import Accepted, Misconfigured, Outcome, Uncertain, Unreachable
from course.mail.http import Answer, Http, Patience
from course.mail.json_provider import JsonProvider, outcome, reason_of, word
from course.mail.mime import extra_headers, plain_address
from course.mail.provider import MESSAGE, RECIPIENT, Meaning

BASE_URL = "https://api.resend.com"

# The error's `name`. With Uncertain the call is replayed: same key, same bytes.
_NAMES: dict[str, Meaning] = {
    "invalid_idempotency_key": MESSAGE,
    "missing_api_key": Misconfigured,
    "restricted_api_key": Misconfigured,
    "invalid_api_key": Misconfigured,
    "suspended_api_key": Misconfigured,
    "invalid_permission": Misconfigured,
    "invalid_access": Misconfigured,
    "invalid_region": Misconfigured,
    "invalid_from_address": Misconfigured,
    "not_found": Misconfigured,
    "method_not_allowed": Misconfigured,
    "daily_quota_exceeded": Misconfigured,
    "monthly_quota_exceeded": Misconfigured,
    "rate_limit_exceeded": Unreachable,
    "concurrent_idempotent_requests": Uncertain,  # our first call is still under way there
    "resource_locked": Uncertain,
    "application_error": Uncertain,
    "internal_server_error": Uncertain,
    "service_unavailable": Uncertain,
    "security_error": MESSAGE,
}
# These names say nothing of whose fault it is, their text does.
_ABOUT_A_FIELD = {"validation_error", "missing_required_field", "invalid_parameter", "invalid_attachment"}
_FIELDS: tuple[tuple[str, Meaning], ...] = (
    ("`to`", RECIPIENT),
    ("`from`", Misconfigured),
    ("domain is not verified", Misconfigured),
    ("testing emails", Misconfigured),
)
# Resend refuses the quotes that RFC 5322 asks for around these, and encoded words too (found by django-anymail).
_NOT_IN_NAMES = str.maketrans('()<>[]:;@\\,."', " " * 13)


class Resend(JsonProvider):
    name: ClassVar[str] = "resend"
    batch_size: ClassVar[int] = 100
    honours_keys: ClassVar[bool] = True
    path: ClassVar[str] = "/emails/batch"

    def __init__(self, key: str, *, base_url: str = BASE_URL, patience: Patience | None = None):
        json = "application/json"
        headers = {"Authorization": f"Bearer {key}", "Accept": json, "Content-Type": json}
        super().__init__(Http(base_url, headers, patience))

    def call_headers(self, key: str) -> dict[str, str]:
        # Permissive: an item that is not valid is refused by its index and the others go. The default, strict,
        # refuses all 100 for one, and to find it takes up to 14 more calls, each with a key and a wait of its own.
        return {"Idempotency-Key": key, "x-batch-validation": "permissive"}

    def item(self, message: Message) -> dict[str, Any]:
        letter = message.letter
        reply_to = {"reply_to": [plain_address(letter.reply_to)]} if letter.reply_to else {}
        return {
            "from": _sender(letter.sender_name, letter.sender_email),
            "to": [plain_address(message.to)],
            **reply_to,
            "subject": one_line(message.subject),
            "text": message.text,
            "html": message.html,
            "headers": extra_headers(message),
            "tags": [{"name": "send_id", "value": message.send_id}],
        }

    def read_items(self, answer: Any, count: int) -> list[Outcome] | None:
        """`data` has the successes only, in order; `errors` names the indexes that are missing from it."""
        if not isinstance(answer, dict) or not isinstance(ids := answer.get("data"), list):
            return None
        refused = _refused(answer.get("errors") or [], count)
        if refused is None or len(ids) + len(refused) != count:
            return None
        accepted = iter(ids)
        return [refused[index] if index in refused else _accepted(next(accepted)) for index in range(count)]

    def read_refusal(self, answer: Answer) -> Outcome | None:
        name, text = word(answer.json, "name"), word(answer.json, "message")
        if answer.status == 403 and name:  # the domain is not verified, or only one's own address may be written to
            meaning: Meaning | None = Misconfigured
        else:
            meaning = _by_field(text) if name in _ABOUT_A_FIELD else _NAMES.get(name)
        if name == "invalid_idempotent_request":
            return Uncertain(reason_of(answer.status, f"{name}: {text}"), key_taken=True)
        return outcome(meaning, answer, f"{name}: {text}") if meaning else None


def _sender(name: str, address: str) -> str:
    plain = one_line(name.translate(_NOT_IN_NAMES))
    return f"{plain} <{plain_address(address)}>" if plain else plain_address(address)


def _refused(errors: Any, count: int) -> dict[int, Outcome] | None:
    """The outcomes by index, or None if they cannot be read."""
    if not isinstance(errors, list):
        return None
    by_index: dict[int, Outcome] = {}
    for error in errors:
        index = error.get("index") if isinstance(error, dict) else None
        if type(index) is not int or not 0 <= index < count or index in by_index:
            return None
        text = word(error, "message")
        by_index[index] = _by_field(text)(reason_of("", text))
    return by_index


def _accepted(item: Any) -> Outcome:
    provider_id = word(item, "id")
    return Accepted(provider_id) if provider_id else Uncertain("an item without an id")


def _by_field(text: str) -> Meaning:
    return next((meaning for field, meaning in _FIELDS if field in text), MESSAGE)
