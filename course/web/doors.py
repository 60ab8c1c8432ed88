"""Doors are shut by default: a view answers only if it is named open. And the headers that every answer carries."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, request

View = TypeVar("View", bound=Callable[..., Any])
OPEN = "open_door"

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors "
)
# A mail shown as a page: its own styles, nothing that runs. Pictures may come from where the author hosts them.
MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; frame-ancestors "


def open_door(view: View) -> View:
    """Anybody may come in; where the address carries a token, the view reads it."""
    setattr(view, OPEN, True)
    return view


def is_open(view: Callable[..., Any]) -> bool:
    return getattr(view, OPEN, False)


def guard(app: Flask) -> None:
    app.before_request(_refuse_shut_doors)
    app.after_request(_add_headers)


def _refuse_shut_doors() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is not None and not is_open(view):
        abort(403)


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP + "'none'")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer" if request.view_args else "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "token" in (request.view_args or {}):
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Robots-Tag", "noindex, nofollow")
    return response
