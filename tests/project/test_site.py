"""The documentation as a site: it builds strictly, needs no network, and lists every setting."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config_reference import comments, keys, page

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BASE = (ROOT / "conf" / "base.yaml").read_text(encoding="utf-8")
PROFILES = {
    path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "conf/profiles").glob("*.yaml")
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built so that every warning, such as a broken link, is an error."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


class _Loads(HTMLParser):
    """Collects what a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address in anything but a link to click on."""
        if tag != "a":
            self.found += [value for name, value in attrs if name in {"src", "href"} and value]


def loaded(path: Path) -> Iterator[str]:
    """Yield the addresses that a page loads."""
    parser = _Loads()
    parser.feed(path.read_text(encoding="utf-8"))
    yield from parser.found


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and pictures lie in the site, so it works without a network."""
    pages = list(site.rglob("*.html"))
    found = [address for path in pages for address in loaded(path)]
    assert len(found) > len(pages)
    assert [address for address in found if re.match(r"(https?:)?//", address)] == []
    # The theme fetches a library for diagrams where a page has one of this class.
    assert not any('class="mermaid"' in path.read_text("utf-8") for path in pages)


def test_each_part_is_there(site: Path) -> None:
    """Guide, contracts, settings, API, decisions, notebooks and changes all have their page."""
    for name in ("tables", "configuration", "api/iotscore.detect", "changes", "readme"):
        assert (site / f"{name}.html").is_file(), name
    decisions = {path.stem for path in (ROOT / "docs" / "decisions").glob("*.md")}
    assert decisions | {"index"} == {path.stem for path in (site / "decisions").glob("*.html")}
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks == {path.stem for path in (site / "notebooks").glob("*.html")}


def test_public_functions_are_documented_and_private_ones_are_not(site: Path) -> None:
    """The API shows a function with its parameters, and no module that starts with _."""
    text = (site / "api" / "iotscore.detect.html").read_text(encoding="utf-8")
    assert 'id="iotscore.detect.attribution.attribute"' in text
    assert "Finite, unscaled features." in text
    assert 'id="iotscore.detect._' not in text


def test_each_setting_has_a_comment_and_is_listed() -> None:
    """Every key of the schema is explained in conf/base.yaml and stands in the reference."""
    text = page(BASE, PROFILES)
    for key in keys(BASE):
        assert key.comment, f"{key.name} has no comment in conf/base.yaml"
        assert f"| `{key.name}` | `" in text, key.name


def test_a_setting_is_listed_with_default_range_profile_and_comment() -> None:
    """A row holds what the file and the schema say."""
    [row] = [line for line in page(BASE, PROFILES).splitlines() if "`sample.fraction`" in line]
    assert "`1.0`; `paper`: `0.5`" in row
    assert "number, above 0.0, at most 1.0" in row
    assert "Share of each file's records" in row


def test_a_comment_belongs_to_the_keys_below_it() -> None:
    """It holds up to the next comment, blank line or section."""
    text = """
# of a and b
a: 1
b: 2

c: 3
# of s
s:
  d: 4
  # of e,
  # on two lines
  e: 5
t:
  f: 6
"""
    assert comments(text) == {
        "a": "of a and b",
        "b": "of a and b",
        "c": "",
        "s": "of s",
        "s.d": "",
        "s.e": "of e, on two lines",
        "t": "",
        "t.f": "",
    }
