"""What README, docs/ and the jobs' help say of the project is complete."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JOBS = sorted(path.stem for path in (ROOT / "jobs").glob("*.py"))
EXTRA = "packages of the extra `executor`"


def text(path: str) -> str:
    """Return a document."""
    return (ROOT / path).read_text(encoding="utf-8")


def test_every_job_is_listed() -> None:
    """The table of jobs has a row for each, and none for others."""
    table = text("docs/running.md").split("\n## The jobs\n")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == JOBS


def test_every_page_is_found_from_the_index() -> None:
    """docs/index.md leads to each page beside it."""
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([\w-]+\.md)", text("docs/index.md")))


def test_architecture_names_what_executors_need() -> None:
    """Each package of the extra ``executor`` is named, as setup.py lists them."""
    listed = text("setup.py").split("EXECUTOR = [")[1].split("]")[0]
    (paragraph,) = [one for one in text("docs/architecture.md").split("\n\n") if EXTRA in one]
    told = paragraph.split("`setup.py`:")[1].split(". ")[0]
    assert re.findall(r"`(\w+)`", told) == re.findall(r'^    "(\w+)', listed, re.MULTILINE)


def test_nightly_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of ``nightly`` names every stage that it runs."""
    job = runpy.run_path(str(ROOT / "jobs" / "nightly.py"))
    with pytest.raises(SystemExit):
        job["main"](["--help"])
    told = capsys.readouterr().out.lower()
    stages = set(re.findall(r"\b(\w+)_stage\(", text("lib/iotscore/cli/commands/nightly.py")))
    assert len(stages) > 5
    assert all(stage in told for stage in stages)


def test_weighted_figures_are_made_with_weights() -> None:
    """Commands beside figures that are weighted to the full counts give the weights."""
    for section in text("docs/results.md").split("\n## ")[1:]:
        commands = re.findall(r"^```\n(.+?)^```", section, flags=re.MULTILINE | re.DOTALL)
        if commands and "weighted" in section:
            assert "evaluate.file_weights=full_data_summary.csv" in commands[0]
