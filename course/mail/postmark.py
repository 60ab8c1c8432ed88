"""Postmark: batches of independent messages, an outcome for each, and a look-up by our own id.

Source: postmarkapp.com/developer (api/overview, api/email-api, api/messages-api), read 2026.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from course.core.letter import Message, one_line
from course.core.outcome import Accepted, Misconfigured, Outcome, Uncertain, Unreachable
from course.mail.http import Answer, Http, Patience
from course.mail.json_provider import JsonProvider, outcome, reason_of, word
from course.mail.mime import extra_headers, mailbox, plain_address
from course.mail.provider import MESSAGE, RECIPIENT, Meaning

BASE_URL = "https://api.postmarkapp.com"

# `ErrorCode`, of an item or of a whole call. Its numbers overlap with HTTP's and are not the same.
_CODES: dict[int, Meaning] = {
    10: Misconfigured,  # token
    100: Unreachable,  # maintenance
    400: Misconfigured,  # sender signature not found
    401: Misconfigured,  # sender signature not confirmed
    402: MESSAGE,  # JSON
    403: MESSAGE,  # JSON
    405: Misconfigured,  # out of credits
    406: RECIPIENT,  # inactive: bounced, complained or taken off by hand
    409: MESSAGE,  # JSON required
    410: MESSAGE,  # too many in the batch
    411: MESSAGE,  # attachment type
    412: Misconfigured,  # account pending
    413: Misconfigured,  # account may not send
    429: Unreachable,  # rate limit
}
_INVALID_REQUEST = 300  # its text says whose fault it is
_FIELDS: tuple[tuple[re.Pattern[str], Meaning], ...] = (
    (re.compile(r"(Invalid|Error parsing) 'To'", re.IGNORECASE), RECIPIENT),
    (re.compile(r"(Invalid|Error parsing) 'From'", re.IGNORECASE), Misconfigured),
)
_STREAMS = range(1200, 1300)  # errors about message streams: a setting


class Postmark(JsonProvider):
    """`message_stream` is the id of a broadcast stream. Postmark puts its own unsubscribe link and List-Unsubscribe
    there unless support has set the stream's unsubscribe handling to Custom; only then do ours arrive. A
    transactional stream keeps our headers, but a course is not what it is for.

    `settle` is how long a message may take to be found by `look_up`.
    """

    name: ClassVar[str] = "postmark"
    batch_size: ClassVar[int] = 500
    path: ClassVar[str] = "/email/batch"

    def __init__(
        self,
        token: str,
        *,
        settle: timedelta,
        message_stream: str = "broadcast",
        base_url: str = BASE_URL,
        patience: Patience | None = None,
    ):
        json = "application/json"
        headers = {"X-Postmark-Server-Token": token, "Accept": json, "Content-Type": json}
        super().__init__(Http(base_url, headers, patience))
        self.settle = settle
        self._message_stream = message_stream

    def item(self, message: Message) -> dict[str, Any]:
        letter = message.letter
        reply_to = {"ReplyTo": plain_address(letter.reply_to)} if letter.reply_to else {}
        return {
            "From": mailbox(letter.sender_name, letter.sender_email),
            "To": plain_address(message.to),
            **reply_to,
            "Subject": one_line(message.subject),
            "TextBody": message.text,
            "HtmlBody": message.html,
            "Headers": [{"Name": name, "Value": value} for name, value in extra_headers(message).items()],
            "Metadata": {"send_id": message.send_id},
            "TrackOpens": False,
            "TrackLinks": "None",
            "MessageStream": self._message_stream,
        }

    def read_items(self, answer: Any, count: int) -> list[Outcome] | None:
        if not isinstance(answer, list) or len(answer) != count:
            return None
        return [_of_item(item) for item in answer]

    def read_refusal(self, answer: Answer) -> Outcome | None:
        code = answer.json.get("ErrorCode") if isinstance(answer.json, dict) else None
        if type(code) is int and (code in _CODES or (code > 0 and answer.status < 500)):
            return outcome(_meaning(code, word(answer.json, "Message")), answer, _text(answer.json))
        return None

    def look_up(self, send_ids: Sequence[str]) -> dict[str, str | None]:
        """One question per id; it stops at the first that gets no good answer, since the next would not either."""
        found: dict[str, str | None] = {}
        for send_id in send_ids:
            question = {"count": "1", "offset": "0", "metadata_send_id": send_id}
            answer = self._http.get("/messages/outbound", question | {"messagestream": self._message_stream})
            messages = _messages(answer)
            if messages is None or _is_of_another(messages, send_id):
                break
            found[send_id] = word(messages[0], "MessageID") if messages else None
        return found


def _is_of_another(messages: list[Any], send_id: str) -> bool:
    """True if the filter was not understood; found by mistake would be a lesson that never goes."""
    metadata = messages[0].get("Metadata") if messages and isinstance(messages[0], dict) else None
    return word(metadata, "send_id") not in ("", send_id)


def _of_item(item: Any) -> Outcome:
    # ErrorCode is missing when the message was accepted "but delivery may be delayed".
    code = item.get("ErrorCode", 0) if isinstance(item, dict) else None
    if type(code) is int and code != 0:
        return _meaning(code, word(item, "Message"))(_text(item))
    if code == 0 and (provider_id := word(item, "MessageID")):
        return Accepted(provider_id)
    return Uncertain(f"an item that cannot be read: {_text(item)}")


def _meaning(code: int, text: str) -> Meaning:
    if code == _INVALID_REQUEST:
        return next((meaning for field, meaning in _FIELDS if field.match(text)), MESSAGE)
    return Misconfigured if code in _STREAMS else _CODES.get(code, MESSAGE)


def _text(item: Any) -> str:
    return reason_of(item.get("ErrorCode", ""), word(item, "Message")) if isinstance(item, dict) else ""


def _messages(answer: Answer | Outcome) -> list[Any] | None:
    """What was found; None if the answer does not say. An empty list must be said twice to be believed."""
    if not isinstance(answer, Answer) or answer.status != 200 or not isinstance(answer.json, dict):
        return None
    messages, total = answer.json.get("Messages"), answer.json.get("TotalCount")
    if not isinstance(messages, list) or total is None or bool(messages) != bool(total):
        return None
    return messages
