"""The commands that README and the lessons name: each says what it takes, and the lessons' imports are there."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import data_scripts

LIBRARIES = {"folders", "keypoint_training", "landmark_training"}
COMMANDS = sorted(module.name for module in pkgutil.iter_modules(data_scripts.__path__) if not module.ispkg)


@pytest.mark.parametrize("name", sorted({*COMMANDS} - LIBRARIES))
def test_a_command_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = importlib.import_module(f"data_scripts.{name}")
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert f"usage: python -m data_scripts.{name} " in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*COMMANDS} - LIBRARIES))
def test_a_command_refuses_what_it_does_not_know(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = importlib.import_module(f"data_scripts.{name}")
    with pytest.raises(SystemExit) as ended:
        command.main(["--no-such-option"])
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_module_offers_is_there(name: str) -> None:
    module = importlib.import_module(f"data_scripts.{name}")
    assert [offered for offered in getattr(module, "__all__", ()) if not hasattr(module, offered)] == []
