"""Where the lessons and templates that come with the course are: in the wheel, or beside the package."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The folder `lessons` or `templates`."""
    return next(p for p in (PACKAGE / "_data" / name, PACKAGE.parent / name) if p.is_dir())
