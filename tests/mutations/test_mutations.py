"""A suite that does not notice when a guard is gone proves nothing."""

import os
from pathlib import Path

import pytest

from tests.mutations import __main__ as mutations
from tests.mutations.guards import GUARDS, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_stands_where_it_is_said_to_stand(guard: Guard) -> None:
    assert mutations.place(guard) > 0


def test_a_guard_that_moved_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text("if may_go():\n    send()\n")
    with pytest.raises(ValueError, match="0 times"):
        mutations.place(Guard("it may go", "engine.py", "if might_go():", "if True:", "tests"), tmp_path)


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("COURSE_LONG"), reason="some minutes: set COURSE_LONG=1")
def test_the_loss_of_each_guard_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        assert mutations.main([]) == 0
