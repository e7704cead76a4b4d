"""What is in the repository, and what must not be."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import iotscore

ROOT = Path(__file__).resolve().parents[2]

# Split, so that this file does not find itself.
FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.}-])/(?:work|root|home|Users)" + r"/\w",  # somebody's machine
            r"pypi\." + "org|" + r"pythonhosted\." + "org",
            r"maven\." + "org|" + r"debian\." + "org|" + r"npmjs\." + "org",
        ]
    )
)


def git_files(*arguments: str) -> list[str]:
    """Return the tracked files; skip the test outside a git checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listing.stdout.split("\0") if name]


def test_lib_is_tracked() -> None:
    """The usual .gitignore of Python projects ignores lib/; ours must not."""
    tracked = set(git_files("lib"))
    assert "lib/iotscore/__init__.py" in tracked
    untracked = git_files("--others", "--ignored", "--exclude-standard", "lib")
    assert [name for name in untracked if name.endswith(".py")] == []


def test_nothing_tracked_names_a_machine_or_a_registry() -> None:
    """The files work anywhere: no absolute path of somebody's machine, no registry's host."""
    found = []
    for name in git_files():
        path = ROOT / name
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match[0]}" for match in FOREIGN.finditer(text)]
    assert found == []


def test_the_changelog_tells_of_this_version() -> None:
    """A version without a word to its users is not ready."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## .*{re.escape(iotscore.__version__)}", changelog, re.MULTILINE)


def test_shell_scripts_are_clean() -> None:
    """Shellcheck has nothing to say about any of our scripts."""
    scripts = [name for name in git_files() if name.endswith(".sh")]
    assert "spark-submit.sh" in scripts
    result = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), ".ci/run", *scripts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_make_help_tells_of_every_verb() -> None:
    """The help is made of the targets' own comments; one without a comment would be hidden."""
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    assert re.findall(r"^  ([a-z-]+) ", result.stdout, re.MULTILINE) == verbs


@pytest.mark.parametrize("name", ["Makefile", "spark-submit.sh"])
def test_the_guide_names_every_verb_and_variable(name: str) -> None:
    """docs/setup.md explains each verb of make and each variable of spark-submit.sh."""
    guide = (ROOT / "docs" / "setup.md").read_text(encoding="utf-8")
    text = (ROOT / name).read_text(encoding="utf-8")
    pattern = r"^([a-z-]+):" if name == "Makefile" else r"^#   ([A-Z_]+)  "
    words = re.findall(pattern, text, re.MULTILINE)
    assert words
    assert [
        word for word in words if f"`{word}`" not in guide and f"`make {word}" not in guide
    ] == []
