"""Doors are shut by default: a view answers only if it is named open, or is for coaches and stands where they are
guarded. And the headers that every answer carries."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, request

View = TypeVar("View", bound=Callable[..., Any])
OPEN = "open_door"
COACHES = "coaches_only"
LARGEST = "takes"
GUARDED = "admin"  # the blueprint that asks who is there; elsewhere a view for coaches is shut to all

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors "
)
# A mail shown as a page: its own styles, nothing that runs. Pictures may come from where the author hosts them.
MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; frame-ancestors "


def open_door(view: View) -> View:
    """Anybody may come in; where the address carries a token, the view reads it."""
    setattr(view, OPEN, True)
    return view


def coaches_only(view: View) -> View:
    """For coaches who are signed in. It only answers in the admin blueprint, which looks (web/admin/access.py)."""
    setattr(view, COACHES, True)
    return view


def takes(size: int) -> Callable[[View], View]:
    """This view's form may have so many bytes: a lesson, a list of readers or a picture is larger than other forms."""

    def mark(view: View) -> View:
        setattr(view, LARGEST, size)
        return view

    return mark


def is_open(view: Callable[..., Any]) -> bool:
    return getattr(view, OPEN, False)


def is_for_coaches(view: Callable[..., Any]) -> bool:
    return getattr(view, COACHES, False)


def guard(app: Flask) -> None:
    app.before_request(_refuse_shut_doors)
    app.after_request(_add_headers)


def _refuse_shut_doors() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return
    if not is_open(view) and not (is_for_coaches(view) and request.blueprint == GUARDED):
        abort(403)
    if size := getattr(view, LARGEST, 0):
        request.max_content_length = request.max_form_memory_size = size


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
