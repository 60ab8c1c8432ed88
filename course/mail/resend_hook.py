"""Resend's webhooks: one JSON object a request, signed the Svix way (Standard Webhooks).

Source: resend.com/docs/webhooks and the Standard Webhooks specification, read 2026.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from course.core.happening import Event, Happened
from course.mail.hook import MAX_TEXT, Hook, instant, text

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)  # each retry is stamped anew


class ResendHook(Hook):
    name: ClassVar[str] = "resend"
    words: ClassVar[Mapping[str, Happened]] = {
        "email.sent": Happened.ACCEPTED,
        "email.delivered": Happened.DELIVERED,
        "email.delivery_delayed": Happened.DEFERRED,
        "email.complained": Happened.COMPLAINT,
        "email.suppressed": Happened.BLOCKED,
        "email.failed": Happened.FAILED,
    }

    def genuine(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        identity, stamp, signatures = (_header(headers, name) for name in ("id", "timestamp", "signature"))
        if not stamp.isascii() or not stamp.isdigit() or abs(now.timestamp() - int(stamp[:12])) > TOLERANCE.seconds:
            return False
        signed = identity.encode() + b"." + stamp.encode() + b"." + body
        given = [value for version, _, value in (s.partition(",") for s in signatures.split()) if version == "v1"]
        return any(
            hmac.compare_digest(value.encode(), _signature(secret, signed))
            for secret in self.secrets
            if secret.startswith(PREFIX)
            for value in given
        )

    def read(self, item: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> Event:
        kind, data = text(item["type"]), item["data"]
        to = data.get("to")
        return Event(
            identity=_header(headers, "id")[:200],
            what=self._what(kind, data),
            send_id=text(_tags(data.get("tags")).get("send_id"))[:32],
            recipient=text(to[0] if isinstance(to, list) and to else to)[:320],
            at=instant(item.get("created_at"), now),
            detail=_detail(data)[:MAX_TEXT],
            raw=json.dumps(item),
        )

    def _what(self, kind: str, data: Mapping[str, Any]) -> Happened | None:
        if kind == "email.bounced":
            hard = (data.get("bounce") or {}).get("type") == "Permanent"
            return Happened.BOUNCE_HARD if hard else Happened.BOUNCE_SOFT
        return self.words.get(kind)


def _header(headers: Mapping[str, str], name: str) -> str:
    """Svix's own names, or those of the standard."""
    return headers.get(f"svix-{name}") or headers.get(f"webhook-{name}") or ""


def _signature(secret: str, signed: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return b"-"  # matches nothing
    return base64.b64encode(hmac.digest(key, signed, "sha256"))


def _tags(tags: Any) -> Mapping[str, Any]:
    """A list of names and values in requests, a flat map in events; either is understood."""
    if isinstance(tags, list):
        return {text(tag.get("name")): tag.get("value") for tag in tags if isinstance(tag, dict)}
    return tags if isinstance(tags, dict) else {}


def _detail(data: Mapping[str, Any]) -> str:
    for name in ("bounce", "failed", "suppressed"):
        if isinstance(found := data.get(name), dict):
            return text(found.get("message") or found.get("reason"))
    return ""
