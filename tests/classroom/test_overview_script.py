"""The class page's script in a browser: it sorts, filters, chooses columns and saves what is shown."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.course.manifest import find_lesson
from tests.classroom.made_up_class import make_class
from tests.site.browser import chromium_path

CHROMIUM = chromium_path()
LESSONS = [find_lesson("01"), find_lesson("02")]
STUDENTS = [f"student{number:03d}" for number in range(130)] + ['=HYPERLINK("x")', "<script><b>bold"]
# What a reader does; what is then to be seen goes into the page as JSON.
WHAT_A_READER_DOES = """
const at = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("#grid tbody tr")];
const cells = (place) => rows().map((row) => row.children[place].textContent);
const heads = () => [...document.querySelectorAll("#grid thead th")];
const choose = (id, value) => { at(id).value = value; at(id).dispatchEvent(new Event("input")); };
const said = { rows: rows().length, first: cells(0)[0], hidden: at("controls").hidden };
heads()[1].querySelector("button").click();
said.up = cells(1).map(Number).slice(0, 50);
said.sort = heads()[1].getAttribute("aria-sort");
heads()[1].querySelector("button").click();
said.down = cells(1).map(Number).slice(0, 50);
said.focus = document.activeElement.textContent;
at("more").click();
said.more = [rows().length, at("more").hidden];
choose("columns", "lessons");
said.lessons = heads().map((head) => head.textContent);
choose("columns", "02");
said.lesson = heads().map((head) => head.textContent);
choose("search", "STUDENT00");
said.found = [rows().length, at("shown").textContent];
choose("search", "hyperlink");
said.bold = document.querySelectorAll("b").length;
let saved;
URL.createObjectURL = (blob) => { saved = blob; return "#saved"; };
at("save").click();
saved.text().then((text) => {
  said.csv = text;
  document.body.textContent = "";
  document.body.append(Object.assign(document.createElement("pre"), { id: "said", textContent: JSON.stringify(said) }));
});
"""


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_matrix_in_a_browser(tmp_path: Path) -> None:
    course, _ = make_class(tmp_path / "course", STUDENTS, LESSONS)
    assert main(["overview", "--course", str(course), "--no-similar"]) == 0
    page = (course / "grading" / "overview" / "index.html").read_text(encoding="utf-8")
    # The page's own policy holds for its own script, which has run by then; the test's is let in beside it.
    policy = re.sub(r"script-src ('sha256-[^']+')", r"script-src \1 'nonce-test'", page)
    played = tmp_path / "played.html"
    script = f'<script nonce="test">{WHAT_A_READER_DOES}</script></body>'
    played.write_text(policy.replace("</body>", script), encoding="utf-8")
    command = [
        str(CHROMIUM),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    command += ["--virtual-time-budget=5000", "--dump-dom", played.as_uri()]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    match = re.search(r'<pre id="said">(.*?)</pre>', dumped, re.DOTALL)
    assert match, dumped[-2000:]
    said = json.loads(unescape(match[1]))
    assert (said["rows"], said["hidden"]) == (100, False)
    assert said["up"] == sorted(said["up"]) != said["down"] == sorted(said["down"], reverse=True)
    assert (said["sort"], said["focus"]) == ("ascending", "total")
    assert said["more"] == [len(STUDENTS), True]
    assert said["lessons"] == ["student", "total", "01", "02"]
    assert said["lesson"][2:] == [exercise.id for exercise in LESSONS[1].exercises]
    assert said["found"] == [10, f"10 of 10 students shown; {len(STUDENTS)} in the class."]
    assert said["bold"] == 0
    assert said["csv"].splitlines()[1].startswith('"\'=HYPERLINK(""x"")",,')
