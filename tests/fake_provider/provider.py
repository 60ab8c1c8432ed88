"""The provider's behaviour: what is taken, what is answered, and what the script makes of both."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from tests.fake_provider.dialects import CONCURRENT, DOORS, OTHER_BYTES, POSTMARK, Dialect, Item, Refused
from tests.fake_provider.hooks import Hooks
from tests.fake_provider.ledger import Entry, Ledger
from tests.fake_provider.script import Act, Script
from tests.fake_provider.wire import HttpServer, Reply, Request, as_json

LONG = 3600.0  # a hang without an end of its own
Result = tuple[str, str]  # (id, "") if it was taken, else ("", what is wrong)


class Provider:
    def __init__(self, ledger: Ledger, script: Script, *, blind: bool = False, latency: float = 0.0):
        self._ledger, self._script, self._blind, self._latency = ledger, script, blind, latency
        self._run = uuid.uuid4().hex[:8]
        self._calls, self._lookups = count(1), count(1)
        self._seen = {"calls": 0, "lookups": 0, "refused": 0, "replayed": 0, "taking": 0}
        self._keys: dict[
            tuple[str, str], tuple[str, Reply | None]
        ] = {}  # (hash of the bytes, answer once there is one)
        self._lock = threading.Lock()
        self.hooks = Hooks()
        self.server: HttpServer | None = None

    def handle(self, request: Request) -> Reply:
        if request.path.startswith("/_/"):
            return self._control(request)
        try:
            if request.path in DOORS and request.method == "POST":
                return self._send(request, *DOORS[request.path])
            if request.path == "/messages/outbound" and request.method == "GET":
                return self._look_up(request)
        except Refused as refused:
            return refused.reply
        return as_json(404, {"name": "not_found", "message": "There is nothing here."})

    # Sending

    def _send(self, request: Request, dialect: Dialect, single: bool) -> Reply:
        number = self._count("calls")
        act = self._script.for_send()
        not_before = request.at + (self._script["latency"] or self._latency)
        reply = self._before(act, dialect)
        if reply is None:
            dialect.authorise(request, self._script["key"])
            reply = self._after(act, self._once(request, dialect, single, act, number))
        elif act["do"] not in {"hang", "reset"}:
            self._count("refused")
        return replace(reply, not_before=max(reply.not_before, not_before))

    def _before(self, act: Act, dialect: Dialect) -> Reply | None:
        """The answer if nothing is taken at all."""
        what = act["do"]
        if what == "429":
            reply = dialect.refusal(act.get("what", "rate"))
            header = {act.get("header", "Retry-After"): str(act["retry_after"])} if "retry_after" in act else {}
            return replace(reply, headers=header)
        if what == "5xx":
            return replace(dialect.refusal("server"), status=act.get("status", 500))
        if what == "302":
            return Reply(302, headers={"Location": act.get("location", "/elsewhere")})
        if what == "reject_all" and act.get("what", "account") in {"account", "quota"}:
            return dialect.refusal(act.get("what", "account"))
        if what == "200_html" and not act.get("accept"):
            return _html()
        if what in {"hang", "reset"}:
            return Reply(manner=what, seconds=act.get("for", LONG))
        return None

    def _once(self, request: Request, dialect: Dialect, single: bool, act: Act, number: int) -> Reply:
        """Takes the messages, unless this key was seen before."""
        key = request.headers.get("idempotency-key", "")
        if not dialect.honours_keys or not key:
            return self._take(request, dialect, single, act, number, key)
        name, digest = (dialect.name, key), hashlib.sha256(request.body).hexdigest()
        with self._lock:
            known = self._keys.get(name)
            if known is None:
                self._keys[name] = (digest, None)
        if known:
            return self._stored(known, digest)
        reply = None
        try:
            reply = self._take(request, dialect, single, act, number, key)
            return reply
        finally:
            with self._lock:  # only what went well is kept
                if reply is not None and reply.status == 200:
                    self._keys[name] = (digest, reply)
                else:
                    del self._keys[name]

    def _stored(self, known: tuple[str, Reply | None], digest: str) -> Reply:
        if known[0] != digest:
            return OTHER_BYTES
        if known[1] is None:
            return CONCURRENT
        self._count("replayed")
        return known[1]

    def _take(self, request: Request, dialect: Dialect, single: bool, act: Act, number: int, key: str) -> Reply:
        call = f"{self._run}-{number:04x}"
        if self._blind:
            return self._take_blind(request, dialect, single, call, key)
        items = dialect.items(request, single=single)
        wrong = [self._wrong(item, index, len(items), act) for index, item in enumerate(items)]
        if any(wrong) and (self._script["all_or_nothing"] or (dialect.strict(request) and not single)):
            raise Refused(dialect.refusal(next(filter(None, wrong))))
        results = [("", what) if what else (_identity(call, index), "") for index, what in enumerate(wrong)]
        self._count("taking")
        try:
            time.sleep(act.get("accept_delay", self._script["accept_delay"] or 0.0))
            self._accept(dialect, items, results, call, key)
        finally:
            self._count("taking", -1)
        return dialect.answer(items, results, single=single)

    def _take_blind(self, request: Request, dialect: Dialect, single: bool, call: str, key: str) -> Reply:
        send_ids = dialect.send_ids(request.body)
        self._ledger.accept_blind(dialect.name, call, key, send_ids)
        blank = [Item(send_id, "", "", "", "", {}) for send_id in send_ids]
        return dialect.answer(blank, [(_identity(call, i), "") for i in range(len(send_ids))], single=single)

    def _wrong(self, item: Item, index: int, count: int, act: Act) -> str:
        if act["do"] == "reject_all":
            return str(act["what"])
        if act["do"] == "reject_one" and index == act.get("index", count // 2) % count:
            return str(act.get("what", "recipient"))
        marked = self._script["refuse_text"]
        if marked and marked in item.text + item.subject:
            return "message"
        return item.problem or (self._script["refuse"] or {}).get(item.to, "")

    def _accept(self, dialect: Dialect, items: Sequence[Item], results: Sequence[Result], call: str, key: str) -> None:
        taken = [(item, identity) for item, (identity, _) in zip(items, results, strict=True) if identity]
        self._ledger.accept([_entry(dialect, item, identity, call, key) for item, identity in taken])
        if self._script["hooks"]:
            for item, identity in taken:
                self.hooks.accepted(self._script["hooks"], dialect.name, item, identity)

    def _after(self, act: Act, reply: Reply) -> Reply:
        """What becomes of the answer on its way."""
        what, seconds = act["do"], float(act.get("for", LONG))
        if what == "ok_then_hang":
            return Reply(manner="hang", seconds=seconds)
        if what == "ok_then_reset":
            return Reply(manner="reset")
        if what == "ok_then_5xx":
            return as_json(act.get("status", 502), {"message": "Bad gateway"})
        if what == "200_html":
            return _html()
        if what == "200_truncated":
            return replace(reply, manner="truncate")
        if what == "200_wrong_length_array":
            return as_json(200, _shorter(json.loads(reply.body)))
        if what == "drip":
            return replace(reply, manner="drip head" if act.get("head") else "drip", seconds=seconds)
        if what == "slow":
            return replace(reply, not_before=time.monotonic() + float(act["seconds"]))
        return reply

    # Looking up (Postmark)

    def _look_up(self, request: Request) -> Reply:
        self._count("lookups")
        POSTMARK.authorise(request, self._script["key"])
        act = self._script.for_lookup()
        if reply := self._before(act, POSTMARK):
            return reply
        metadata = [name for name in request.query if name.startswith("metadata_")]
        if len(metadata) != 1 or not {"count", "offset"} <= request.query.keys():
            raise Refused(as_json(422, {"ErrorCode": 300, "Message": "Exactly one metadata key, count and offset."}))
        found = self._visible(request.query[metadata[0]]) if metadata == ["metadata_send_id"] else []
        stream = request.query.get("messagestream", "outbound")
        messages = [_message(entry) for entry in found if entry.stream == stream]
        return self._after(act, as_json(200, {"TotalCount": len(messages), "Messages": messages}))

    def _visible(self, send_id: str) -> list[Entry]:
        """The index runs behind what was taken."""
        until = time.time() - (self._script["lookup_lag"] or 0.0)
        return [one for one in self._ledger.find(send_id) if one.at <= until and one.provider == "postmark"]

    # The tests' own doors

    def _control(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/_/state":
                return as_json(200, self._state())
            case "PUT", "/_/script":
                self._script.set(request.json)
                return as_json(200, {})
            case "POST", "/_/reload":
                self._script.reload()
                return as_json(200, {})
            case "POST", "/_/forget":
                self._ledger.forget()
                self._keys.clear()
                return as_json(200, {})
            case "POST", "/_/emit":
                return self._emit(request.json)
            case _:
                return as_json(404, {})

    def _emit(self, wish: Mapping[str, Any]) -> Reply:
        """Sends events now, of a message that was taken, by the script's `hooks` with the wish's fields over them."""
        found = self._ledger.find(wish["send_id"])
        if not found:
            return as_json(404, {"message": "nothing was taken under this send id"})
        entry, settings = found[0], dict(self._script["hooks"] or {}) | dict(wish) | {"when": "early"}
        item = Item(entry.send_id, entry.to, entry.subject, "", "", {}, entry.stream)
        self.hooks.accepted(settings, entry.provider, item, entry.id)
        return as_json(200, {})

    def _state(self) -> dict[str, Any]:
        server = self.server
        sockets = {"connections": server.connections, "hung_up": server.hung_up} if server else {}
        return self._seen | sockets | {"accepted": self._ledger.count, "hooks": self.hooks.sent()}

    def _count(self, what: str, by: int = 1) -> int:
        with self._lock:
            self._seen[what] += by
            return self._seen[what]


def _identity(call: str, index: int) -> str:
    run, number = call.split("-")
    return f"{run}-{number[-4:]}-4000-8000-{int(number, 16):06x}{index:06x}"


def _entry(dialect: Dialect, item: Item, identity: str, call: str, key: str) -> Entry:
    return Entry(
        at=time.time(),
        provider=dialect.name,
        id=identity,
        send_id=item.send_id,
        to=item.to,
        subject=item.subject,
        list_unsubscribe=item.headers.get("list-unsubscribe", ""),
        body_hash=item.body_hash,
        key=key,
        call=call,
        stream=item.stream,
        text=item.text,
        unresolved=item.unresolved,
    )


def _message(entry: Entry) -> dict[str, Any]:
    return {
        "MessageID": entry.id,
        "Recipients": [entry.to],
        "Subject": entry.subject,
        "Status": "Sent",
        "MessageStream": entry.stream,
        "Metadata": {"send_id": entry.send_id},
    }


def _html() -> Reply:
    return Reply(200, b"<html><body>Welcome to the hotel's network</body></html>", {"Content-Type": "text/html"})


def _shorter(answer: Any) -> Any:
    """One item is missing from an array; a single answer loses its id."""
    if isinstance(answer, list):
        return answer[:-1]
    return {"data": answer["data"][:-1]} if "data" in answer else {}
