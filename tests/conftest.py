"""What holds for every test: their order, which of them share a process, and that Ctrl-C reaches them."""

import signal

import pytest

# A shell that starts the tests in the background lets them ignore Ctrl-C, and with them every process they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


SEEDS = 1  # draws of the hidden inputs that the short run tries an answer on; the long run tries all


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="all seeds, and the tests marked long: make test-long")


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> int:
    """Return on how many draws of the hidden inputs an answer is tried at most."""
    return 1000 if request.config.getoption("--long") else SEEDS


# First, because pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the long run unless it is one, and move slow ones behind all others.

    Tests of a file run in one process, for they share fixtures, unless they are marked as of another group.
    """
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
