"""Sign-ups under wrk, the worker running, against a bare Flask view that inserts one row with the same server."""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.fake_provider.client import ROOT, FakeProvider

LUA = """
counter = 0
request = function()
  counter = counter + 1
  local body = "email=" .. tostring({}):sub(8) .. counter .. "@runner.test&name=Ann&timezone=Europe/Berlin"
  return wrk.format("POST", nil, {["Content-Type"] = "application/x-www-form-urlencoded"}, body)
end
"""


def measure(folder: Path, options: argparse.Namespace) -> None:
    if shutil.which("wrk") is None:
        print("sign-ups: wrk is not installed (Debian: apt-get install wrk)")
        return
    (folder / "signup.lua").write_text(LUA)
    seconds = max(5, int(options.seconds / 2))
    results = []
    with FakeProvider(folder / "fake", options=("--blind", "--latency", "0.05", "--for", "3000")) as fake:
        postmark = {"COURSE_PROVIDER": "postmark", "COURSE_PROVIDER_KEY": "key", "COURSE_PROVIDER_URL": fake.url}
        postmark |= {"COURSE_FROM": "coach@course.test", "COURSE_POSTAL_ADDRESS": "1 Main Street, Springfield"}
        postmark |= {"COURSE_SIGNUPS_PER_IP": "0", "COURSE_SIGNUPS_PER_NETWORK": "0"}  # one machine sends them all
        for _ in range(3):
            bare = under_wrk([sys.executable, "-m", "tests.bench.bare_view"], {}, folder, "bare", seconds)
            ours = under_wrk([sys.executable, "-m", "course", "run"], postmark, folder, "ours", seconds)
            results.append((bare, ours))
    print("sign-ups, wrk with 32 connections, worker running")
    for (rate, p99, _), (mine, my_p99, errors) in results:
        print(f"  bare view {rate:6,.0f}/s p99 {p99:6.0f} ms   sign-up {mine:6,.0f}/s p99 {my_p99:6.0f} ms   ", end="")
        print(f"rate {mine / rate:.2f}, p99 {my_p99 / p99:.2f}, not 2xx: {errors}")
    print("  (bar: rate 0.60, p99 2; goal 0.80)")


def under_wrk(
    command: list[str], settings: dict[str, str], folder: Path, name: str, seconds: int
) -> tuple[float, float, int]:
    """Requests a second, the 99th percentile in ms, answers that were not 2xx."""
    port = _free_port()
    home, state = folder / f"{name}-{port}", folder / f"state-{port}"
    environment = os.environ | settings
    environment |= {"COURSE_HOME": str(home), "COURSE_LOG_LEVEL": "error", "XDG_STATE_HOME": str(state)}
    server = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        wrk = ["wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", "-s", str(folder / "signup.lua")]
        said = subprocess.run([*wrk, f"http://127.0.0.1:{port}/signups"], capture_output=True, text=True, check=True)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", said.stdout))
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", said.stdout)
    return rate, _ms(_found(r"99%\s+([\d.]+\w+)", said.stdout)), int(errors[1]) if errors else 0


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def _ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
