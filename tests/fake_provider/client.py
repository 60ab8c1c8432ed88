"""Starts and stops a fake provider from a test, sets its script and reads its ledger."""

import http.client
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

from tests.fake_provider import ledger
from tests.fake_provider.ledger import Entry

ROOT = Path(__file__).parents[2]


@dataclass
class FakeProvider:
    """A context manager. `script` is what it begins with; `options` are those of `python -m tests.fake_provider`."""

    folder: Path
    script: Mapping[str, Any] = field(default_factory=dict)
    smtp: bool = False
    options: tuple[str, ...] = ()
    url: str = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._script.write_text(json.dumps(self.script))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """At the same port as before, if it ran before; its ledger goes on."""
        port = urlsplit(self.url).port or 0 if self.url else 0
        files = ["--ledger", str(self.ledger), "--script", str(self._script), "--port", str(port)]
        command = [
            sys.executable,
            "-m",
            "tests.fake_provider",
            *files,
            *self.options,
            *(["--smtp"] if self.smtp else []),
        ]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        said = _pipe(self._process).readline()
        if not said:
            raise RuntimeError(f"the fake provider did not start: {self._process.wait()}")
        self.url = json.loads(said)["url"]

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process).close()

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.jsonl"

    @property
    def _script(self) -> Path:
        return self.folder / "script.json"

    def entries(self) -> list[Entry]:
        """What was taken, oldest first."""
        return list(ledger.read(self.ledger))

    def sent_to(self, address: str) -> list[Entry]:
        return [entry for entry in self.entries() if entry.to == address]

    def duplicates(self) -> dict[str, int]:
        """Send ids that were taken more than once, and how often."""
        counts = Counter(entry.send_id for entry in self.entries())
        return {send_id: taken for send_id, taken in counts.items() if taken > 1}

    def behave(self, **script: Any) -> None:
        """A new script from the next request on."""
        self._script.write_text(json.dumps(script))
        if self.smtp:
            raise NotImplementedError("the SMTP server reads its script at start only")
        self._ask("POST", "/_/reload")

    def forget(self) -> None:
        """An empty ledger, no keys and no script, as for another test."""
        self._ask("POST", "/_/forget")
        self.behave()

    def state(self) -> dict[str, Any]:
        """Counts of calls, lookups, refused, replayed, taking (under way now), accepted, connections, hung_up; and the
        events that were sent."""
        return self._ask("GET", "/_/state")

    def emit(self, **wish: Any) -> None:
        """Posts events of a message that was taken: send_id, events, copies, forge, url, secret."""
        self._ask("POST", "/_/emit", wish)

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=10)
        try:
            connection.request(method, path, json.dumps(body).encode() if body is not None else b"")
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"{method} {path}: {response.status} {answer}")
        return dict(answer)


def _pipe(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout
    return process.stdout
