"""Workers on machines of their own, with one PostgreSQL: added, killed, cut off from the database in the middle of a
batch, cut off from the provider, and brought back."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from course.store.db import Database
from tests.fake_provider.waiting import eventually
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.inbox import Ledger
from tests.flows.network import Network
from tests.flows.site import DAY, free_port
from tests.flows.test_main_job import COURSE, in_order, join, numbers
from tests.postgres import Cluster

SPEED = 20 * DAY
READERS = [f"reader{number}@runner.test" for number in range(40)]
MORE = [f"another{number}@runner.test" for number in range(40)]
LATE = "late@runner.test"
pytestmark = pytest.mark.postgres


@pytest.fixture
def network(new_site: NewSite, new_provider: NewProvider, cluster: Cluster) -> Iterator[Network]:
    fake = new_provider(options=("--latency", "0.5"))
    url = cluster.create(f"t_{uuid.uuid4().hex}")
    site = new_site(provider="postmark", provider_key="k", provider_url=fake.url, database_url=url)
    site.import_lessons()
    with closing(Network(site, fake, free_port(), SPEED)) as found:
        yield found


@pytest.mark.long
@pytest.mark.skipif(os.environ.get("COURSE_LONG") != "1", reason="COURSE_LONG=1 runs it")
def test_machines_come_and_go(network: Network) -> None:
    site, fake = network.site, network.fake
    site.web(SPEED)
    site.import_readers(READERS)
    first, second = network.machine(), network.machine()
    network.in_a_batch(first)
    third = network.machine()
    first.process.kill()
    network.in_a_batch(second)
    second.database.cut()
    network.in_a_batch(third)
    third.provider.cut()
    taken = len(fake.entries())
    fourth = network.machine()
    site.import_readers(MORE)  # on a slow machine the others may have finished by now
    eventually(lambda: len(fake.entries()) > taken + len(MORE), 180)  # the others' work too, once its lease is over
    fourth.process.end()
    second.database.mend()
    third.provider.mend()
    join(site, Ledger(fake), LATE)

    everybody = [*READERS, *MORE, *network.readers, LATE]
    wanted = {"accepted": COURSE * len(everybody) + 1}
    eventually(lambda: site.states() == wanted, 240, 0.25)
    assert fake.duplicates() == {}
    inbox = Ledger(fake)
    assert {one: numbers(inbox.lessons(one)) for one in everybody} == dict.fromkeys(everybody, in_order(COURSE))


def test_a_machine_that_is_cut_off_keeps_no_lock(cluster: Cluster) -> None:
    """The server ends a writer that says nothing for a minute. Who only reads may take a long time over it."""
    with closing(Database(cluster.create(f"t_{uuid.uuid4().hex}"))) as database:
        said = {}
        for name in ("write", "relaxed", "read"):
            with getattr(database, name)() as session:
                said[name] = session.scalar(text("SHOW idle_in_transaction_session_timeout"))

    assert said == {"write": "1min", "relaxed": "1min", "read": "0"}
