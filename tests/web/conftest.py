import pytest

from tests.factories import World
from tests.web.admin import Coach
from tests.web.site import Site


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


@pytest.fixture
def coach(site: Site) -> Coach:
    """A coach who is signed in."""
    return Coach(site)
