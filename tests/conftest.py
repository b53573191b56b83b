"""What holds for every test: their order, which of them share a process, and that Ctrl-C reaches them."""

import signal

import pytest

# A shell that starts the tests in the background lets them ignore Ctrl-C, and with them every process they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# First, because pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move tests marked slow behind all others, each group in the order it was collected.

    Tests of a file run in one process, for they share fixtures, unless they are marked as of another group.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
