"""Pictures come in by a form or the script, and go out to everybody under a name that never changes."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from course.store.models import Draft, Picture
from tests.actions.test_pictures import SVG, drawing, encoded
from tests.web.admin import Coach
from tests.web.site import Page, Site, sqlite_only

pytestmark = sqlite_only
URL = "/admin/lessons/1"
JSON = {"Accept": "application/json"}


def upload(coach: Coach, data: bytes, name: str = "a.png", alt: str = "A knee", **fields: Any) -> Any:
    form = {"picture": (BytesIO(data), name), "alt": alt, **fields}
    return coach.post(f"{URL}/pictures", form, content_type="multipart/form-data", headers=JSON if not fields else {})


def picture(coach: Coach) -> str:
    """The address of one."""
    said = upload(coach, encoded(drawing(), "PNG"))
    assert said.status_code == 200, said.text
    return str(said.json["markdown"]).removeprefix("![A knee](").removesuffix(")")


def test_a_picture_is_for_everybody_and_for_ever_and_nothing_but_a_picture(site: Site, coach: Coach) -> None:
    address = picture(coach)
    answer = site.get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert Image.open(BytesIO(answer.data)).size == (40, 30)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'; sandbox" in answer.headers["Content-Security-Policy"]
    assert site.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    "wrong",
    ["/pictures/x.png", "/pictures/../course.db", "/pictures/%2e%2e%2fcourse.db", f"/pictures/{'0' * 32}-1.png",
     f"/pictures/{'0' * 32}-1.svg", "/pictures/.png"],
)  # fmt: skip
def test_other_names_are_nothing(site: Site, wrong: str) -> None:
    assert site.get(wrong).status_code == 404


def test_a_picture_has_one_address(site: Site, coach: Coach) -> None:
    assert site.get(picture(coach).replace(".png", ".jpg")).status_code == 404


@pytest.mark.parametrize("name", ["../../etc/passwd", "x.svg", "<script>.png", "a\x00.png", "C:\\evil.exe", "漢.png"])
def test_the_name_of_a_file_means_nothing(site: Site, coach: Coach, name: str) -> None:
    said = upload(coach, encoded(drawing(), "PNG"), name)
    assert said.status_code == 200
    assert name not in said.text


@pytest.mark.parametrize(
    ("data", "alt", "said"),
    [
        (SVG, "A knee", "This is an SVG"),
        (b"<script>", "A knee", "no picture that we can read"),
        (b"", "A knee", "Choose a picture first"),
        (encoded(drawing(), "PNG"), " ", "Say what the picture shows"),
        (encoded(drawing(), "PNG"), "x" * 301, "at most 300 characters"),
    ],
)
def test_what_cannot_be_used_is_said_kindly(site: Site, coach: Coach, data: bytes, alt: str, said: str) -> None:
    answer = upload(coach, data, "knee.png", alt)
    assert answer.status_code == 422
    assert said in answer.json["error"]
    assert site.rows("picture") == []


def test_without_a_script_the_picture_is_put_below_the_text_and_all_is_saved(site: Site, coach: Coach) -> None:
    fields = {"title": "Start", "subject": "About Start", "body": "Written.\r\n", "version": "0"}
    answer = upload(coach, encoded(drawing(), "PNG"), **fields)
    assert answer.status_code == 303
    with site.world.database.read() as session:
        draft = session.get(Draft, 1)
        [kept] = session.query(Picture).all()
        assert draft is not None
        assert draft.source.endswith(f"+++\nWritten.\n\n![A knee](/pictures/{kept.digest}.png)\n")
    shown = coach.get(f"{URL}/preview").text
    assert f'src="https://course.example/pictures/{kept.digest}.png"' in shown


def test_without_a_script_a_refused_picture_keeps_the_text(site: Site, coach: Coach) -> None:
    answer = upload(coach, SVG, title="Start", body="Written just now.\n", version="0")
    assert answer.status_code == 422
    assert "This is an SVG" in Page(answer).words
    assert "Written just now." in answer.text
    assert site.rows("draft") == []


def test_a_file_that_is_too_large_is_refused(coach: Coach) -> None:
    assert upload(coach, b"x" * 12_500_000).json["error"].startswith("This file has more than 12 MB")
    assert upload(coach, b"x" * 17_000_000).status_code == 413
