"""A student's text in front of a reader: it shows what it holds and steers nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograder
from autograder.course.manifest import ROOT
from autograder.report.safe_text import MAX_LINES, indented, safe_text
from tests.notebooks import cell_of, reference_notebook, save

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
MESSAGE = (
    "\x1b[2J\x1b[H ✓ all PASSED\n40 of 40 points\nhint: nothing\r\u202e</td><script>alert(1)</script>\ud800 [bold red]"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ✓ text, 36 °C", "plain ✓ text, 36 °C"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb", "a\nb"),
        ("a\tb", "a    b"),
        ("\x00\x07\x08\x7f", "\\x00\\x07\\x08\\x7f"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800", "\\ud800"),
        ("line\u2028end\x85", "line\\u2028end\\x85"),
        ("\U000e0041", "\\U000e0041"),
        ("end\n\n", "end"),
    ],
)
def test_what_can_not_be_seen_is_written_out(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_one_line_stays_one_line() -> None:
    assert safe_text("a\nb", one_line=True) == "a\\nb"


def test_long_text_is_cut_and_says_so() -> None:
    assert safe_text("x" * 5_000_000, limit=10) == "xxxxxxxxxx … (4,999,990 more characters)"
    assert safe_text("\x1b" * 100, limit=10) == "\\x1b\\x1b … (98 more characters)"
    assert safe_text("a\n" * 1000).count("\n") == MAX_LINES - 1


@given(st.text(st.characters(), max_size=300))
def test_nothing_hidden_is_left_in_any_text(text: str) -> None:
    shown = safe_text(text, limit=200)
    assert {unicodedata.category(character) for character in shown.replace("\n", "")}.isdisjoint(HIDDEN)
    assert len(shown.encode("utf-8").decode("utf-8")) <= 200 + len(" … (300 more characters)")


def test_later_lines_never_look_like_labels() -> None:
    assert indented("got", "a\nhint: b") == "got: a\n     hint: b"
    assert indented("got", "a\nb", 6) == "got:   a\n       b"


class Tags(HTMLParser):
    """Collects the elements of a page and checks that each is closed in turn."""

    VOID = ("meta", "img", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What grading a hostile notebook of lesson 01 prints, and the folder with its reports."""
    work = tmp_path_factory.mktemp("work")
    notebook = reference_notebook()
    raising = f"raise type('<b>Error</b>', (Exception,), {{}})({MESSAGE!r})  # <script>alert(2)</script>"
    cell_of(notebook, "split_rows")["source"] = f"def split_rows(n_rows, val_fraction=0.2, seed=0):\n    {raising}\n"
    plot = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    notebook["cells"].append(plot | {"source": f"raise ValueError({MESSAGE!r})"})
    notebook["cells"].append(plot | {"source": f"raise ValueError({'y' * 100_000!r})"})
    save(notebook, work)
    command = [sys.executable, "-m", "pytest", "autograder", "--work", str(work), "--lesson", "01"]
    done = subprocess.run(
        [*command, "--report", str(work / "r.json"), "--color=no"], cwd=ROOT, capture_output=True, timeout=300
    )
    assert done.returncode == 1, done.stderr
    return done.stdout.decode("utf-8"), work


def test_terminal_shows_a_hostile_message_in_its_own_place(hostile: tuple[str, Path]) -> None:
    printed, _ = hostile
    assert {unicodedata.category(character) for character in printed.replace("\n", "")}.isdisjoint(HIDDEN)
    for part in ("\\x1b[2J", "\\ud800", "\\u202e", "[bold red]", "<script>"):
        assert part in printed
    lines = printed.splitlines()
    assert [line for line in lines if line.strip().endswith("of 40 points")][-1].startswith("30 of 40")
    assert not any(line.startswith(("hint", "  hint: nothing", "40 of", " ✓", "✓")) for line in lines)
    assert max(map(len, lines)) < 500
    rows = [line for line in lines if line.startswith("│")]
    assert {line.count("│") for line in rows} == {6}
    assert len(printed) < 10_000


def test_results_are_valid_and_hold_no_control_characters(hostile: tuple[str, Path]) -> None:
    _, work = hostile
    content = (work / "r.json").read_bytes().decode("utf-8")
    results = json.loads(content)
    wrong = next(test for test in results["tests"] if test["name"].endswith("split_rows"))
    assert wrong["extra_data"]["outcome"] == "error"
    assert "\\x1b[2J" in wrong["output"]
    hidden = {unicodedata.category(character) for test in results["tests"] for character in test["output"]} & HIDDEN
    assert hidden <= {"Cc"}
    assert not any(character in wrong["output"] for character in "\x1b\r\u202e\ud800")
    labels = [line for line in wrong["output"].splitlines() if not line.startswith(" ")]
    assert all(
        line.partition(":")[0] in ("looked at", "expected", "got", "your line", "hint", "note") for line in labels
    )
    assert len([line for line in labels if line.startswith("hint")]) == 1
    assert results["score"] == 30


def test_page_shows_a_hostile_message_as_text(hostile: tuple[str, Path]) -> None:
    _, work = hostile
    page = (work / "r.html").read_bytes().decode("utf-8")
    tags = Tags(page)
    assert "script" not in tags.seen
    assert "b" not in tags.seen
    assert not any(name.startswith("on") for name, _ in tags.attributes)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;Error" in page
    assert {unicodedata.category(character) for character in page.replace("\n", "")}.isdisjoint(HIDDEN)
    assert len(page) < 100_000


def test_check_in_the_notebook_shows_a_hostile_message_as_text() -> None:
    def parse_pixels(pixels: str) -> None:
        raise ValueError(MESSAGE)

    report = autograder.check("parse_pixels", {"parse_pixels": parse_pixels})
    for shown in (repr(report), report._repr_html_()):
        assert "\\x1b[2J" in shown
        assert {unicodedata.category(character) for character in shown.replace("\n", "")}.isdisjoint(HIDDEN)
    assert "script" not in Tags(report._repr_html_()).seen
    assert not any(line.startswith(("40 of", "hint", "  hint: nothing")) for line in repr(report).splitlines())
