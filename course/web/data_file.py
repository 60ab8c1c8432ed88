"""All that is kept about one person, as a file that they can read."""

import json
from typing import Any

from flask import Response


def answer(data: dict[str, Any], name: str) -> Response:
    """A JSON file to save, a fact a line, in the order of `data`."""
    response = Response(json.dumps(data, indent=2, ensure_ascii=False) + "\n", mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
