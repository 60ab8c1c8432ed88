"""Commands beside a running server: what they do is seen at once, and nobody has to wait for them."""

import csv
import io
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from course import serving
from course.actions.pictures import MAX_UPLOAD
from tests.fake_provider.waiting import eventually
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.inbox import Maildir
from tests.flows.site import ROOT, Site
from tests.flows.test_main_job import ANN

MANY = 2_000
LONGEST_WAIT = 5.0  # seconds for one sign-up while the import runs, on a busy machine


def test_sign_ups_go_on_while_readers_are_imported(new_site: NewSite) -> None:
    site = new_site()
    site.run()
    addresses = [f"reader{number}@runner.test" for number in range(MANY)]

    with ThreadPoolExecutor(1) as other:
        importing = other.submit(site.import_readers, addresses)
        waits = []
        while not importing.done() or len(waits) < 3:
            waits.append(_sign_up(site, f"live{len(waits)}@runner.test"))
        said = importing.result()

    assert f"{MANY:,} enrolled" in said
    assert max(waits) < LONGEST_WAIT
    assert site.query("SELECT count(*) FROM subscriber") == [(MANY + len(waits),)]
    again = site.import_readers(addresses)
    assert f"{MANY:,} already in this course, unchanged" in again
    assert site.faults() == []


def _sign_up(site: Site, address: str) -> float:
    began = time.monotonic()
    assert site.sign_up(address).status_code == 200
    return time.monotonic() - began


def test_lessons_and_readers_go_in_and_out_beside_the_server(new_site: NewSite) -> None:
    site = new_site()
    site.run()
    folder = site.folder / "lessons" / "running"
    assert site.command("lessons", "export", str(folder.parent)).returncode == 0
    for ours in sorted((ROOT / "lessons" / "running").iterdir()):
        if ours.is_file():
            assert (folder / ours.name).read_bytes() == ours.read_bytes()

    course = folder / "course.toml"
    course.write_text(course.read_text().replace('title = "', 'title = "New: ', 1))
    done = site.command("lessons", "import", str(folder.parent))
    assert done.returncode == 0, done.stderr
    assert "<h1>New: " in site.get("/").text

    site.import_readers([ANN, "BOB@Runner.test"])
    rows = list(csv.DictReader(io.StringIO(site.command("readers", "export").stdout)))
    assert [row["email"].lower() for row in rows] == [ANN, "bob@runner.test"]
    assert {row["status"] for row in rows} == {"active"}


def test_the_server_lets_through_what_the_largest_form_takes(new_site: NewSite) -> None:
    """Else it would refuse a coach's picture before the course could say why."""
    site = new_site()
    site.run()
    pictures = f"{site.url}/admin/lessons/1/pictures"
    answer = requests.post(pictures, data=b"x" * MAX_UPLOAD, timeout=30)
    assert answer.status_code != 413, answer.text
    assert requests.post(pictures, data=b"x" * (serving.LONGEST_BODY + 1), timeout=30).status_code == 413


def test_a_wsgi_server_gets_the_site_and_the_watch(tmp_path: Path) -> None:
    env = {"COURSE_HOME": str(tmp_path / "home"), "COURSE_JOURNAL": str(tmp_path / "journal"), "HOME": str(tmp_path)}
    code = "import threading; from course.wsgi import app; print(app.name, [t.name for t in threading.enumerate()])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert "APScheduler" in done.stdout, done.stderr


def test_a_taken_port_is_said_in_words(new_site: NewSite) -> None:
    site = new_site()
    site.run()

    second = site.command("run", "--port", str(site.port))

    assert second.returncode == 1
    assert "cannot be used" in second.stderr
    assert "Traceback" not in second.stderr
    assert second.stdout == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"provider": "pigeon"}, ["COURSE_PROVIDER", "pigeon"]),
        ({"database_url": "mysql://x/y"}, ["COURSE_DATABASE_URL", "mysql://x/y"]),
        ({"journal": "/proc/nowhere"}, ["COURSE_JOURNAL", "/proc/nowhere", "cannot be written"]),
        ({"provider": "postmark", "provider_key": "k"}, ["COURSE_FROM", "COURSE_POSTAL_ADDRESS", "https"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_refused_by_its_name(settings: dict[str, str], words: list[str], new_site: NewSite) -> None:
    for command in ("run", "web"):
        refused = new_site(**settings).command(command, "--port", "0")

        assert refused.returncode == 1
        assert [word for word in words if word not in refused.stderr] == []
        assert "Traceback" not in refused.stderr


def test_health_turns_good_and_tells_of_a_paused_lane(new_site: NewSite, new_provider: NewProvider) -> None:
    fake = new_provider(rates={"reject_all": 1.0})  # a wrong key
    site = new_site(provider="postmark", provider_key="k", provider_url=fake.url)
    site.run()
    site.sign_up(ANN)
    [alarm] = eventually(lambda: site.get("/healthz").json()["alarms"], 15)
    assert alarm == "Mail is stopped"

    fake.behave()

    eventually(lambda: fake.sent_to(ANN), 15)
    eventually(lambda: site.get("/healthz").json()["alarms"] == [], 15)
    eventually(lambda: site.get("/healthz").status_code == 200)
    assert len(fake.entries()) == 1


def test_files_are_for_their_owner_only(new_site: NewSite) -> None:
    site = new_site()
    site.home.mkdir(parents=True)
    (site.home / "a file of another").write_text("stays")
    site.run()
    site.sign_up(ANN)
    eventually(lambda: Maildir(site).mails())

    kept = [path for path in site.home.rglob("*") if path.is_file() and path.name != "a file of another"]
    assert {path.name for path in kept} >= {"course.db", "secret"}
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []
