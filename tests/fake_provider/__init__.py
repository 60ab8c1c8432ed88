"""A provider that answers like Postmark, Resend or an SMTP server, in a process of its own, over real sockets.

Its ledger on disk is the truth about what was taken: each line is written before the answer that tells of it. What it
does to a request stands in a script; see script.py for the words. Tests use `client.FakeProvider`; by hand it is

    python -m tests.fake_provider --port 8100 --ledger ledger.jsonl --script script.json
"""
