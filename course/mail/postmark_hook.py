"""Postmark's webhooks: one JSON object a request, not signed; the secret in the address is the proof.

Source: postmarkapp.com/developer/webhooks, read 2026.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from course.core.happening import Event, Happened
from course.mail.hook import MAX_TEXT, Hook, digest, instant, text

# Of a Bounce, by its Type; any other type of it is a soft one, unless Postmark made the address inactive.
_BOUNCES = {
    "HardBounce": Happened.BOUNCE_HARD,
    "BadEmailAddress": Happened.BOUNCE_HARD,
    "ManuallyDeactivated": Happened.BLOCKED,
    "SpamComplaint": Happened.COMPLAINT,
    "SpamNotification": Happened.COMPLAINT,
    "Unsubscribe": Happened.UNSUBSCRIBE,
    "AutoResponder": None,
    "ChallengeVerification": None,
}
# Of a SubscriptionChange with SuppressSending, by its SuppressionReason.
_CHANGES = {
    "HardBounce": Happened.BOUNCE_HARD,
    "SpamComplaint": Happened.COMPLAINT,
    "ManualSuppression": Happened.UNSUBSCRIBE,
}
_TIMES = ("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt")


class PostmarkHook(Hook):
    name: ClassVar[str] = "postmark"
    words: ClassVar[Mapping[str, Happened]] = {
        "Delivery": Happened.DELIVERED,
        "SpamComplaint": Happened.COMPLAINT,
    }

    def genuine(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        return True

    def read(self, item: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> Event:
        kind, message = text(item["RecordType"]), text(item.get("MessageID"))
        recipient = text(item.get("Recipient") or item.get("Email"))
        at = next((item[name] for name in _TIMES if item.get(name)), None)
        identity = f"{kind}-{item['ID']}" if item.get("ID") else digest(kind, message, recipient, text(at))
        metadata = item.get("Metadata")
        return Event(
            identity=identity[:200],
            what=self._what(kind, item),
            send_id=text(metadata.get("send_id"))[:32] if isinstance(metadata, dict) else "",
            recipient=recipient[:320],
            at=instant(at, now),
            detail=text(item.get("Description") or item.get("Details"))[:MAX_TEXT],
            raw=json.dumps(item),
        )

    def _what(self, kind: str, item: Mapping[str, Any]) -> Happened | None:
        if kind == "Bounce":
            soft = Happened.BLOCKED if item.get("Inactive") is True else Happened.BOUNCE_SOFT
            return _BOUNCES.get(text(item.get("Type")), soft)
        if kind == "SubscriptionChange":
            stopped = item.get("SuppressSending") is True
            return _CHANGES.get(text(item.get("SuppressionReason")), Happened.BLOCKED) if stopped else None
        return self.words.get(kind)
