"""What is printed is there, or the exit code says that it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[3] / "lib"
PRINTING = """
import sys
from iotscore.cli.job import guarded
sys.exit(guarded("x", lambda: print("\\n".join(map(str, range(100_000))))))
"""


def run(shell: str, code: str = PRINTING) -> subprocess.CompletedProcess[str]:
    """Run Python code whose standard output goes where a line of bash sends it."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$PYTHON" -c "$CODE" {shell}'],
        env={**os.environ, "PYTHON": sys.executable, "CODE": code, "PYTHONPATH": str(LIB)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told() -> None:
    """One line and exit code 2, not a traceback and not 0."""
    result = run(">/dev/full")
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1
    assert "standard output could not be written (No space left on device)" in result.stderr


def test_a_descriptor_that_cannot_be_written_is_told() -> None:
    """As the launcher leaves one that was closed."""
    result = run("1</dev/null")
    assert result.returncode == 2, result.stderr
    assert "standard output could not be written (Bad file descriptor)" in result.stderr


def test_a_reader_that_has_enough_is_no_fault() -> None:
    """A pipe that is closed early ends quietly with 0."""
    result = run("| head -n 1")
    assert (result.returncode, result.stdout, result.stderr) == (0, "0\n", "")


def test_the_whole_output_arrives() -> None:
    """Nothing is dropped where nothing is wrong."""
    result = run("")
    assert result.stdout.splitlines() == [str(number) for number in range(100_000)]
