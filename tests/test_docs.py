"""The README names every setting, command and placeholder, docs/pages.md every address; nothing that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from course import cli
from course.core.placeholders import AUTHORS
from course.settings import PREFIX, Settings
from course.web import create_app
from course.web.services import Services
from tests.factories import World

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def settings() -> list[str]:
    return [info.alias or f"{PREFIX}{name.upper()}" for name, info in Settings.model_fields.items()]


def commands(group: click.Group, path: str = "course") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


@pytest.mark.parametrize("name", settings())
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    assert set(re.findall(r"COURSE_[A-Z_]+", README)) <= set(settings())


@pytest.mark.parametrize("command", list(commands(cli.main)))
def test_every_command_is_in_the_readme_and_has_help(command: str) -> None:
    assert command in README


@pytest.mark.parametrize("name", list(AUTHORS))
def test_every_placeholder_is_in_the_readme(name: str) -> None:
    assert f"`{{{{ {name} }}}}`" in README


def test_every_route_is_written_down(world: World) -> None:
    pages = (ROOT / "docs" / "pages.md").read_text()
    services = Services(
        database=world.database,
        letters=world.letters,
        now=world.now,
        machine=lambda: world.machine,
        public_url="https://course.example",
        trusted_proxies=0,
        outbox=world.outbox,
        templates=ROOT / "templates",
        version="0",
        secrets=["s" * 32],
        chance=bytes,
    )
    for rule in create_app(services).url_map.iter_rules():
        address = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule.rule)
        assert f"`{address}`" in pages, address


def test_links_between_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text()):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.name}: {target}#{anchor}"


def anchors(page: Path) -> list[str]:
    """Of its headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
