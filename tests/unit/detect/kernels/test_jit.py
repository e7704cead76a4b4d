"""Compiled kernels import from a zip, and where no cache can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

LIB = Path(__file__).parents[4] / "lib"

SCORE = """
    import numpy as np
    from iotscore.detect.kernels import autoencoder, isolation_forest

    assert autoencoder.sigmoid(np.float32(0.0)) == 0.5
    totals = np.array([2.0, 0.0])
    isolation_forest.store_scores(totals, 1.0)
    assert totals.tolist() == [0.25, 1.0]
    print(isolation_forest.__file__)
    print(isolation_forest.store_scores.stats.cache_path)
"""


def score_with(path: Path, cache: Path) -> tuple[str, str]:
    """Run the kernels from ``path`` with user caches under ``cache``; return module, its cache."""
    names = ("HOME", "XDG_CACHE_HOME")
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCORE)],
        env={"PYTHONPATH": str(path), "PATH": os.environ["PATH"]}
        | dict.fromkeys(names, str(cache)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    module, directory = result.stdout.splitlines()
    return module, directory


def copied_package(folder: Path) -> Path:
    """Return a source root with a copy of the package that nothing was compiled in."""
    shutil.copytree(LIB / "iotscore", folder / "iotscore", ignore=shutil.ignore_patterns("__py*"))
    return folder


def zipped_package(archive: Path) -> Path:
    """Return a zip of the package, as executors get it."""
    with zipfile.ZipFile(archive, "w") as content:
        for source in sorted((LIB / "iotscore").rglob("*.py")):
            content.write(source, source.relative_to(LIB))
    return archive


def test_kernels_of_a_zip_are_cached_by_content(tmp_path: Path) -> None:
    """Spark puts the zip at another path in every run; equal code is compiled once all the same."""
    cache = tmp_path / "cache"
    found = []
    for name in ("first.zip", "second.zip"):
        archive = zipped_package(tmp_path / name)
        module, directory = score_with(archive, cache)
        assert module.startswith(str(archive))
        found.append((directory, sorted(cache.rglob("*.nbc"))))
    assert found[0] == found[1]
    assert found[0][1]
    assert cache in Path(found[0][0]).parents


def test_kernels_are_cached_beside_their_source(tmp_path: Path) -> None:
    """From a folder that can be written to, machine code is kept for the next process."""
    root = copied_package(tmp_path)
    _, directory = score_with(root, tmp_path / "cache")
    assert directory == str(root / "iotscore" / "detect" / "kernels" / "__pycache__")
    assert list(Path(directory).glob("*.nbc"))


@pytest.mark.parametrize("zipped", [False, True])
def test_kernels_run_where_no_cache_can_be_written(tmp_path: Path, zipped: bool) -> None:
    """With files in place of every cache folder, kernels compile anew and still run."""
    root = copied_package(tmp_path)
    (root / "iotscore" / "detect" / "kernels" / "__pycache__").write_text("in the way")
    nowhere = tmp_path / "a_file"
    nowhere.write_text("in the way")
    path = zipped_package(tmp_path / "iotscore.zip") if zipped else root
    _, directory = score_with(path, nowhere)
    assert directory == "None"
