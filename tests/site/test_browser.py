"""The whole site in a real browser: links, search, width of a phone, dark mode, and axe's rules of accessibility."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from bs4 import BeautifulSoup

from autograder.course.manifest import ROOT, load_course
from autograder.course.released import released_cells, solution_code
from tests.site.browser import chromium, chromium_path, served

for module in ("sphinx", "playwright.sync_api", "axe_playwright_python"):
    pytest.importorskip(module, reason="the site's tools are not installed: make site")
pytestmark = [
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium on this machine"),
]

EXECUTED = ("00", "01")
SHORTEST = 20  # signs of a line that tells something
LOOKS = [(width, scheme) for width in (1280, 400) for scheme in ("light", "dark")]
# One of every kind; links, texts and widths are looked at on all pages.
KINDS = (
    "index.html",
    "README.html",
    "protection.html",
    "search.html",
    "docs/architecture.html",
    "docs/measured.html",
    "docs/teaching.html",
    "lessons/01_pixel_parsing/01_pixel_parsing.html",
    "lessons/05_resnet_training/05_resnet_training.html",
)


def course(*arguments: str) -> None:
    command = [sys.executable, "-m", "autograder", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, with the primer and one lesson as they run."""
    folder = tmp_path_factory.mktemp("site")
    lessons = [part for number in EXECUTED for part in ("--lesson", number)]
    course("demo", *lessons, "--scale", "trial", "--comparisons", "whole", "--out", str(folder / "demo"))
    course("site", "--no-run", "--demo", str(folder / "demo"), "--out", str(folder / "pages"), "--repository", "a/b")
    return folder / "pages"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Every page of the site, by its place; the face demo has tests of its own."""
    found = [path for path in site.rglob("*.html") if "demo" not in path.relative_to(site).parts[:1]]
    places = {path.relative_to(site).as_posix(): path for path in found if "_static" not in path.parts}
    return {place: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for place, path in places.items()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as found:
        yield found


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: dict[str, BeautifulSoup]) -> None:
    anchors = {place: {tag["id"] for tag in soup.find_all(id=True)} for place, soup in pages.items()}
    lost = []
    for place, soup in pages.items():
        for link in [tag[name] for name in ("href", "src") for tag in soup.find_all(attrs={name: True})]:
            address, fragment = urldefrag(link)
            target = address.partition("?")[0]
            if ":" in target.partition("/")[0]:
                continue
            there = unquote(urljoin(place, target)) if target else place
            known = anchors.get(there)
            # "#" alone is the top of the page.
            if not (site / there).is_file() or (fragment and known is not None and unquote(fragment) not in known):
                lost.append(f"{place}: {link}")
    assert not lost


def test_every_lesson_has_its_page_its_neighbours_and_a_notebook_to_take(pages: dict[str, BeautifulSoup]) -> None:
    lessons = load_course().notebooks
    for before, lesson in zip((None, *lessons), lessons, strict=False):
        soup = pages[f"lessons/{lesson.id}/{lesson.id}.html"]
        assert f"{lesson.minutes} minutes" in soup.find(class_="lesson-facts").get_text()
        assert [a.get_text() for a in soup.select(".lesson-facts a[href^=https]")] == ["Colab", "Binder", "Codespaces"]
        assert soup.select_one(f".lesson-facts a[href$='{lesson.id}.ipynb']")
        if before:
            assert f"{before.id}.html" in soup.select_one(".prev-next-footer a.left-prev")["href"]


def test_every_figure_has_a_text_of_its_own(pages: dict[str, BeautifulSoup]) -> None:
    figures = 0
    for place, soup in pages.items():
        for image in soup.select("main img"):
            assert len(image.get("alt", "")) > 15, f"{place}: {image}"
            assert "<Figure" not in image["alt"]
            figures += 1
    assert figures >= 7


def test_no_page_shows_a_line_of_a_solution_that_students_do_not_get(pages: dict[str, BeautifulSoup]) -> None:
    for lesson in load_course().lessons:
        released = "\n".join(cell["text"] for cell in released_cells(lesson))
        lines = {line.strip() for line in solution_code(lesson).splitlines()}
        telling = {line for line in lines if len(line) >= SHORTEST and line not in released}
        assert telling
        shown = "\n".join(block.get_text() for block in pages[f"lessons/{lesson.id}/{lesson.id}.html"].select("pre"))
        assert not [line for line in telling if line in shown], lesson.id
        assert "NotImplementedError" in shown


def test_no_page_is_wider_than_a_phone(browser: Any, address: str, pages: dict[str, BeautifulSoup]) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    page = context.new_page()
    too_wide = {}
    for place in (*pages, "search.html?q=forward"):
        page.goto(address + place)
        if "?" in place:
            page.wait_for_selector("#search-results li")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            too_wide[place] = over
    context.close()
    assert not too_wide


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_and_nothing_is_fetched_from_elsewhere(
    browser: Any, address: str, width: int, scheme: str
) -> None:
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()
    # A color on its way from one to another has the contrast of neither.
    look = {"color_scheme": scheme, "reduced_motion": "reduce"}
    context = browser.new_context(viewport={"width": width, "height": 900}, **look)
    page = context.new_page()
    errors: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda asked: elsewhere.append(asked.url) if not _within(asked.url, address) else None)
    found = []
    for place in KINDS:
        page.goto(address + place)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert not errors, place
        for broken in axe.run(page).response["violations"]:
            where = [node["html"][:200] for node in broken["nodes"][:3]]
            found.append({"page": place, "rule": broken["id"], "where": where})
        # axe looks for the style sheets' style sheets beside the page, and does not find them.
        errors.clear()
    context.close()
    assert not found, json.dumps(found, indent=1)
    assert not elsewhere


def _within(asked: str, address: str) -> bool:
    return asked.startswith((address, "data:", "blob:"))


def test_the_search_finds_a_lesson_by_a_word_of_it(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}search.html?q=forward+fill")
    page.wait_for_selector("#search-results li a")
    assert any(
        "02_nan_masking" in link.get_attribute("href") for link in page.query_selector_all("#search-results li a")
    )
    page.close()


def test_the_button_turns_the_page_dark(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page = context.new_page()
    page.goto(address)
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    before = page.evaluate(brightness)
    page.click(".theme-switch-button:visible")
    page.click(".theme-change-button[data-mode=dark]")
    after = page.evaluate(brightness)
    context.close()
    assert min(before) > 200
    assert max(after) < 60
