"""Where the lessons and templates that come with the course are: in the wheel, or beside the package."""

from pathlib import Path

from course.core.errors import CourseError

PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The folder `lessons` or `templates`. CourseError where it is missing."""
    places = (PACKAGE / "_data" / name, PACKAGE.parent / name)
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        where = " nor at ".join(str(place) for place in places)
        raise CourseError(f"The folder {name!r} that comes with the course is neither at {where}. Install it again.")
    return found
