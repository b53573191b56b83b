"""Order of the project's tests: a quick mistake shows before the slow tests start."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move tests marked slow behind all others, each group in the order it was collected."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
