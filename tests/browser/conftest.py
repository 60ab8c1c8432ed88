"""One Chromium for all browser tests, and a running site for each file of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.flows.site import DAY, Site

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # A page stands for a second or two: to make its scripts fast would take longer than they do.
    "--js-flags=--single-threaded --no-opt --no-maglev",
]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`make run SPEED=345600`: four days a second; one for each file, so that no file meets another's readers."""
    with Site(tmp_path_factory.mktemp("browser")) as site:
        site.run(4 * DAY)
        yield site


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: COURSE_SCREENSHOTS, else a folder that pytest clears away."""
    path = Path(os.environ.get("COURSE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots")).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path
