"""What somebody sent: the fields of a form, or of a JSON object. What is neither is refused as a whole."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import abort, request

MAX_FIELDS = 100


def fields() -> Mapping[str, Any]:
    """By name; a form's are texts, those of JSON may be anything. Answers 400 or 413 by itself."""
    found = _json() if request.is_json else _form()
    if len(found) > MAX_FIELDS:
        abort(413)
    return found


def _json() -> dict[str, Any]:
    try:
        body = request.get_json()
    except RecursionError:  # lists in lists without end
        abort(400)
    return body if isinstance(body, dict) else abort(400)


def _form() -> Mapping[str, str]:
    """Bytes that are no UTF-8 are refused here: Werkzeug would drop the whole form, or put other characters there."""
    body = request.get_data()
    try:
        (body if request.mimetype == "multipart/form-data" else unquote_to_bytes(body)).decode()
    except UnicodeDecodeError:
        abort(400)
    return request.form
