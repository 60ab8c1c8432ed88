"""`python -m tests.fake_provider`: says its URL as one JSON line, serves, and ends by itself after --for seconds."""

import argparse
import json
import signal
import threading
from pathlib import Path

from tests.fake_provider.ledger import Ledger
from tests.fake_provider.provider import Provider
from tests.fake_provider.script import Script
from tests.fake_provider.smtp import SmtpServer
from tests.fake_provider.wire import HttpServer


def main() -> None:
    options = _options()
    script = Script(options.script)
    ledger = Ledger(options.ledger, indexed=not options.blind)
    server = _smtp(ledger, script, options) if options.smtp else _http(ledger, script, options)
    print(json.dumps({"url": f"{'smtp' if options.smtp else 'http'}://127.0.0.1:{server.port}"}), flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    timer = threading.Timer(options.seconds, server.stop)
    timer.daemon = True
    timer.start()
    server.serve()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--ledger", type=Path, required=True, help="where what was taken is written, a line each")
    parser.add_argument("--script", type=Path, help="what to do to requests; see tests/fake_provider/script.py")
    parser.add_argument("--silence", type=float, default=5.0, help="hang up on who says nothing for this many seconds")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from a request to its answer")
    parser.add_argument("--blind", action="store_true", help="do not read the JSON: for a bench")
    parser.add_argument("--smtp", action="store_true", help="be an SMTP server in place of Postmark and Resend")
    parser.add_argument(
        "--for", dest="seconds", type=float, default=600.0, help="end by itself after this many seconds"
    )
    return parser.parse_args()


def _http(ledger: Ledger, script: Script, options: argparse.Namespace) -> HttpServer:
    provider = Provider(ledger, script, blind=options.blind, latency=options.latency)
    provider.server = server = HttpServer(provider.handle, options.port, options.silence)
    return server


def _smtp(ledger: Ledger, script: Script, options: argparse.Namespace) -> SmtpServer:
    return SmtpServer(ledger, script, options.port, options.silence)


if __name__ == "__main__":
    main()
