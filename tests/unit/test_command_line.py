"""What every command does with what it is given, and with output that nobody can get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iotscore.cli.commands.sql import main as sql
from iotscore.cli.commands.suppress import main as suppress
from iotscore.command_line import CommandParser
from iotscore.config import load_settings
from iotscore.errors import ConfigError, did_you_mean

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "iotscore.simulate", "--rows", "300", "--out", "OUT"],
        ["-m", "iotscore.simulate", "--help"],
        ["-m", "iotscore.fetch", "--help"],
        ["-m", "iotscore", "score", "--help"],
        [str(ROOT / "jobs" / "models.py"), "--help"],
        [str(ROOT / "jobs" / "nightly.py"), "--help"],
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_that_is_lost_is_told(command: list[str], tmp_path: Path) -> None:
    """One line, exit code 2: of a command's result, and of its help."""
    out = str(tmp_path / "out")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *(out if each == "OUT" else each for each in command)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "lib"), "IOTSCORE_HOME": str(ROOT)},
        )
    assert done.returncode == 2, done.stderr
    assert "standard output could not be written (No space left" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_the_launcher_s_own_help_is_checked_too() -> None:
    """Before any Python starts."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [ROOT / "spark-submit.sh", "--help"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert b"Standard output could not be written" in done.stderr


def test_a_mistyped_word_gets_what_is_spelt_like_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Verbs, protocols, ready queries, profiles and jobs, all by one function."""
    parser = CommandParser(prog="x")
    parser.add_argument("--protocol", choices=("chronological", "poisoning"))
    parser.add_subparsers(dest="action").add_parser("promote")
    for arguments, close in ((["--protocol", "poisning"], "poisoning"), (["promte"], "promote")):
        with pytest.raises(SystemExit):
            parser.parse_args(arguments)
        assert f"(did you mean {close}?); choose one of: " in capsys.readouterr().err
    monkeypatch.setenv("IOTSCORE_HOME", str(ROOT))
    assert sql(["--warehouse", str(tmp_path), "--query", "worst_device"]) == 2
    assert "'worst_device' (did you mean worst_devices" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"'defautl' \(did you mean default\?\)"):
        load_settings(ROOT / "conf", "defautl")
    done = subprocess.run(
        [ROOT / "spark-submit.sh", "nigthly"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    if (ROOT / ".venv" / "bin" / "python").exists():
        assert "no job named 'nigthly' (did you mean nightly?). Choose one of: " in done.stderr
    assert did_you_mean("zzz", ["nightly"]) == ""


def test_a_day_that_is_none_is_refused_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a suppression is asked for as the days of nightly are."""
    with pytest.raises(SystemExit):
        suppress(["--warehouse", "w", "--reason", "r", "--expires", "soon"])
    assert "'soon' is no day; give it as YYYY-MM-DD" in capsys.readouterr().err
