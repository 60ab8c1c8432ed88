"""Pictures: judged by content, made anew, small, upright, and named by what they are."""

import random
import struct
import zlib
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from course.actions import lesson_import, pictures
from course.actions.pictures import BadPicture
from course.cli import folders
from course.core import pictures as names
from course.store import pictures as store
from course.store.models import Course, Picture
from tests.factories import COURSE_TOML, World, files, lesson_text
from tests.web.site import sqlite_only


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def drawing(width: int = 40, height: int = 30, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (width, height))
    image.paste(Image.new(mode, (width // 2, height // 2), "red"), (0, 0))
    return image


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


def keep(world: World, data: bytes) -> Picture:
    with world.database.write() as session:
        row = pictures.add(session, data, author="Kim", now=world.machine)
        session.flush()
        return row


def opened(row: Picture) -> Image.Image:
    return Image.open(BytesIO(row.data))


def test_a_picture_is_kept_once_and_found_by_its_name(world: World) -> None:
    row = keep(world, encoded(drawing(), "PNG"))
    again = keep(world, encoded(drawing(), "PNG", compress_level=0))
    assert row.digest == again.digest == names.digest(row.data, 40)
    with world.database.read() as session:
        found = store.by_digest(session, row.digest)
        assert found is not None
        assert (found.data, found.media_type, found.author) == (row.data, "image/png", "Kim")
        assert store.known(session, {row.digest, "x"}) == {row.digest}


@sqlite_only
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_four_kinds_are_taken_and_leave_as_two(world: World, kind: str) -> None:
    row = keep(world, encoded(drawing(), kind))
    assert row.media_type == "image/png"
    assert (opened(row).format, opened(row).size) == ("PNG", (40, 30))


@sqlite_only
def test_nothing_of_the_file_is_kept_but_its_pixels(world: World) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6  # turned: the camera was held upright
    data = encoded(drawing(40, 30), "JPEG", exif=exif, comment=b"<script>alert(1)</script>") + b"<?php evil"
    row = keep(world, data)
    assert opened(row).size == (30, 40)
    for gone in (b"taken at home", b"script", b"php", b"Exif"):
        assert gone in data
        assert gone not in row.data


@sqlite_only
def test_a_photograph_becomes_a_jpeg_of_a_size_that_a_phone_loads(world: World) -> None:
    row = keep(world, encoded(noise(2000, 900), "PNG", compress_level=1))
    assert row.media_type == "image/jpeg"
    assert (row.width, row.height) == (1600, 720)
    assert len(row.data) <= pictures.MAX_BYTES
    assert names.NAME.fullmatch(f"{row.digest}.jpg")


@sqlite_only
def test_what_one_can_see_through_stays_so(world: World) -> None:
    row = keep(world, encoded(drawing(mode="RGBA"), "PNG"))
    assert opened(row).mode == "RGBA"


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD = {
    "a drawing": (SVG, "SVG"),
    "a drawing with a head": (b'<?xml version="1.0"?><!-- x -->' + SVG, "SVG"),
    "a drawing behind blanks": (b"\n\n  " + SVG, "SVG"),
    "a page": (b"<!doctype html><script>alert(1)</script>", "no picture"),
    "nothing": (b"", "no picture"),
    "a kind that browsers do not show": (encoded(drawing(), "TIFF"), "no picture"),
    "a bomb": (bomb(), "damaged"),
    "a torn file": (encoded(noise(60, 60), "PNG")[:3000], "damaged"),
    "a picture in name only": (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "no picture|damaged"),
    "many megapixels": (encoded(Image.new("1", (6000, 5000)), "PNG"), "24 megapixels"),
}


@sqlite_only
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_refused_with_a_way_out(world: World, name: str) -> None:
    data, said = BAD[name]
    with pytest.raises(BadPicture, match=said):
        keep(world, data)


@sqlite_only
def test_words_of_a_picture_may_hold_anything(world: World) -> None:
    row = keep(world, encoded(drawing(), "PNG"))
    written = pictures.markdown(row, "a [knee]\n*bent* <b> & ![x](y) \\ {{ first_name }}")
    mail = world.letters.composer.lesson(
        world.letters.facts(row_course(world)), lesson_text("Week", f"{written}\n"), "mail"
    )
    html = "".join(mail.html.segments)
    assert html.count("<img") == 1
    assert 'alt="a [knee] *bent* <b> & ![x](y) \\ ' in unescape(html)


def row_course(world: World) -> Course:
    with world.database.read() as session:
        return world.the_course(session)


def test_pictures_travel_with_the_files_of_a_course(world: World) -> None:
    row = keep(world, encoded(drawing(), "PNG"))
    text = lesson_text("Start", f"![a knee]({names.address(row.digest, row.media_type)})\n")
    before = files()
    changed = {name: text if name.startswith("01") else one for name, one in before.lessons.items()}
    with world.database.write() as session:
        lesson_import.import_course(
            session, lesson_import.Files("running", before.course, changed), world.machine, world.course
        )
    with world.database.write() as session:
        found = lesson_import.export_course(session, world.the_course(session), world.course)
        assert found.pictures == {f"{row.digest}.png": row.data}
        session.delete(session.get_one(Picture, row.digest))
    with world.database.write() as session:
        lesson_import.import_course(session, found, world.machine, world.course)
        again = store.by_digest(session, row.digest)
        assert again is not None
        assert (again.data, again.width, again.height) == (row.data, 40, 30)


@sqlite_only
def test_a_picture_that_was_changed_outside_is_refused(world: World) -> None:
    row = keep(world, encoded(drawing(), "PNG"))
    with world.database.write() as session:
        for name, data in ((f"{row.digest}.png", row.data + b"x"), ("evil.png", row.data), (f"{row.digest}.svg", SVG)):
            with pytest.raises(BadPicture, match="is not as it was exported"):
                pictures.take_back(session, name, data, author="import", now=world.machine)


def test_figures_are_read_beside_the_lessons_and_a_lost_one_is_named_with_its_line(tmp_path: Path) -> None:
    data = encoded(drawing(), "PNG")
    digest, home = names.digest(data, 40), tmp_path / "running"
    (home / "figures").mkdir(parents=True)
    (home / "course.toml").write_text(COURSE_TOML)
    for name, text in files().lessons.items():
        (home / name).write_text(text)
    (home / "01-start.md").write_text(lesson_text("Start", f"Look:\n\n![a knee](/pictures/{digest}.png)\n"))
    (home / "figures" / "notes.txt").write_text("no picture")
    [lost] = folders.faults_of(folders.files_in(home)[0])
    assert str(lost).startswith(f"running/01-start.md:9: the picture {digest} is not in figures/")
    (home / "figures" / f"{digest}.png").write_bytes(data)
    [found] = folders.files_in(home)
    assert found.pictures == {f"{digest}.png": data}
    assert folders.faults_of(found) == []
