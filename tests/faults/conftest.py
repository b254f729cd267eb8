"""What the session collected, whatever of it is run: for the map of the rows."""

import pytest

COLLECTED = pytest.StashKey[frozenset[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before `-k` and `-m` take some out."""
    config.stash[COLLECTED] = frozenset(item.nodeid.partition("[")[0] for item in items)
