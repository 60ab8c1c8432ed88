"""The provider's events: early, late, doubled, shuffled and forged, in Postmark's and in Resend's words."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fake_provider.dialects import Item

FORGED_SECRET = "whsec_" + base64.b64encode(b"not the secret").decode()
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    provider: str
    name: str  # delivered | bounced | complained | unsubscribed
    send_id: str
    body: bytes
    id: str  # the same for every copy


class Hooks:
    """Posts events to the `url` of its settings; see script.py for their words.

    `when` is "early" (the answer to the send waits until the event was delivered) or "late" (`delay` seconds later, in
    a thread of its own). `shuffle` n keeps events back until there are n and posts them in an order by chance.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[tuple[Mapping[str, Any], Event]] = []
        self._sent: list[dict[str, Any]] = []
        self._random = random.Random(1)

    def accepted(self, settings: Mapping[str, Any], provider: str, item: Item, identity: str) -> None:
        for name in settings.get("events", ("delivered",)):
            event = Event(
                provider, name, item.send_id, _body(provider, name, item, identity), f"msg_{uuid.uuid4().hex}"
            )
            for ready in self._ready(settings, event):
                self._dispatch(*ready)

    def sent(self) -> list[dict[str, Any]]:
        """What was posted, in order, with the status that came back (0: none)."""
        with self._lock:
            return list(self._sent)

    def _ready(self, settings: Mapping[str, Any], event: Event) -> list[tuple[Mapping[str, Any], Event]]:
        with self._lock:
            self._kept += [(settings, event)] * settings.get("copies", 1)
            if len(self._kept) < settings.get("shuffle", 0):
                return []
            ready, self._kept = self._kept, []
            if settings.get("shuffle"):
                self._random.shuffle(ready)
            return ready

    def _dispatch(self, settings: Mapping[str, Any], event: Event) -> None:
        if settings.get("when", "early") == "early":
            self._post(settings, event)
        else:
            timer = threading.Timer(settings.get("delay", 0.0), self._post, (settings, event))
            timer.daemon = True
            timer.start()

    def _post(self, settings: Mapping[str, Any], event: Event) -> None:
        status = post(settings["url"], event, settings.get("secret", ""), forge=bool(settings.get("forge")))
        with self._lock:
            self._sent.append({"event": event.name, "send_id": event.send_id, "id": event.id, "status": status})


def post(url: str, event: Event, secret: str, *, forge: bool = False) -> int:
    """Posts one event; the status, 0 if there was none. A forged one has a wrong signature or a wrong password."""
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json", "User-Agent": "Postmark" if event.provider == "postmark" else "Svix"}
    if event.provider == "resend":
        headers |= svix_headers(FORGED_SECRET if forge else secret, event.id, int(time.time()), event.body)
    elif parts.username is not None:
        password = "wrong" if forge else unquote(parts.password or "")
        pair = base64.b64encode(f"{unquote(parts.username)}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    path = parts.path + ("x" if forge and event.provider == "postmark" and parts.username is None else "")
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
    try:
        connection.request("POST", path, event.body, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def svix_headers(secret: str, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{identity}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"svix-id": identity, "svix-timestamp": str(timestamp), "svix-signature": f"v1,{signature}"}


def _body(provider: str, name: str, item: Item, identity: str) -> bytes:
    said = _postmark(name, item, identity) if provider == "postmark" else _resend(name, item, identity)
    return json.dumps(said).encode()


def _postmark(name: str, item: Item, identity: str) -> dict[str, Any]:
    at = _now()
    common = {"MessageID": identity, "Metadata": {"send_id": item.send_id}, "ServerID": 1, "MessageStream": item.stream}
    number = random.getrandbits(62)
    bounce = {"ID": number, "Email": item.to, "BouncedAt": at, "Inactive": True, "CanActivate": True, "Details": "test"}
    return (
        common
        | {
            "delivered": {"RecordType": "Delivery", "Recipient": item.to, "DeliveredAt": at, "Details": "250 ok"},
            "bounced": bounce
            | {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "Description": "unknown user"},
            "soft_bounced": bounce | {"RecordType": "Bounce", "Type": "Transient", "TypeCode": 2, "Inactive": False},
            "complained": bounce | {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 512},
            "unsubscribed": {
                "RecordType": "SubscriptionChange",
                "Recipient": item.to,
                "ChangedAt": at,
                "Origin": "Recipient",
                "SuppressSending": True,
                "SuppressionReason": "ManualSuppression",
            },
        }[name]
    )


def _resend(name: str, item: Item, identity: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "email_id": identity,
        "created_at": _now(),
        "from": "Course <course@c.test>",
        "to": [item.to],
        "subject": item.subject,
        "tags": {"send_id": item.send_id},
    }
    kinds = {"soft_bounced": "delivery_delayed", "unsubscribed": "suppressed"}
    if name == "bounced":
        data["bounce"] = {"type": "Permanent", "subType": "General", "message": "unknown user"}
    if name == "unsubscribed":
        data["suppressed"] = {"reason": "previous_complaint"}
    return {"type": f"email.{kinds.get(name, name)}", "created_at": _now(), "data": data}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
