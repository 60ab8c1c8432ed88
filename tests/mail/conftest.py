from collections.abc import Iterator

import pytest

from tests.mail.http_server import ScriptedServer, serving
from tests.mail.smtp_server import SmtpScript


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as running:
        yield running


@pytest.fixture
def smtp_script() -> Iterator[SmtpScript]:
    with SmtpScript() as running:
        yield running
