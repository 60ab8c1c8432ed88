"""Where a request came from, for the proof of consent."""

from urllib.parse import urlsplit

from flask import request

from course.actions.signup import MAX_SOURCE, Origin

MAX_IP = 45  # of an IPv6 address that ends as an IPv4 one


def of_request(source: str = "") -> Origin:
    """The source named in the form, else the page that linked here, without its query."""
    return Origin(
        source=source or _referrer(),
        ip=_printable(request.remote_addr or "")[:MAX_IP],  # a proxy's word may be anything
        user_agent=_printable(request.headers.get("User-Agent", "")),
    )


def _referrer() -> str:
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        return ""
    page = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else ""
    return _printable(page)[:MAX_SOURCE]


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
