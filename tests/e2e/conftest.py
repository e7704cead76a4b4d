"""A night that several end-to-end tests read; who writes into it copies it first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Submit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def sample_night(nbaiot: Path, made_once: Callable[..., Path], submit: Submit) -> Path:
    """Return a folder with the ``warehouse`` of a night on real records, and ``printed.txt``."""

    def run(folder: Path) -> None:
        folder.mkdir()
        quick = ("--set", "detectors.lstm.min_updates=0")
        done = submit(
            "nightly", "--input", nbaiot / "sample", "--warehouse", folder / "warehouse", *quick
        )
        assert done.returncode == 0, done.stderr[-3000:]
        (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")

    return made_once("sample-night", run)
