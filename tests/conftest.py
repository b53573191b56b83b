"""What holds for every test: the order they run in, and that Ctrl-C reaches them."""

import signal

import pytest

# A shell that starts the tests in the background lets them ignore Ctrl-C, and with them every process they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move tests marked slow behind all others, each group in the order it was collected."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
