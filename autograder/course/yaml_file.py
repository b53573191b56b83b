"""Read a YAML file of the course; what is wrong with it is one line that names the file and the place."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Any

import yaml

from .root import CourseError, shown_path


class _OneEach(yaml.SafeLoader):
    """YAML lets the last of two equal keys win; here that is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping. Raises ConstructorError where a key stands twice."""
        found: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in found:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", key_node.start_mark)
            found.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Traversable) -> Any:
    """Return what the file holds. Raises CourseError where it can't be read, is no YAML or gives a key twice."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_OneEach)
    except OSError as error:
        raise CourseError(f"{shown_path(path)} can't be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise CourseError(f"{shown_path(path)}{line}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CourseError(f"{shown_path(path)} is no YAML: {' '.join(str(error).split())}") from error
