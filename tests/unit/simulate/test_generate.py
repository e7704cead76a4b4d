"""Writing the folder: sizes, determinism, the marker, and what the command refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.errors import ConfigError
from iotscore.features import SOURCE_FEATURES
from iotscore.simulate import generate as module
from iotscore.simulate.__main__ import main
from iotscore.simulate.generate import MARKER, file_rows, generate, kept_records, write_file
from iotscore.simulate.layout import TrafficFile

if TYPE_CHECKING:
    from pathlib import Path

SMALL = (
    TrafficFile(1, "benign", 900),
    TrafficFile(2, "gafgyt.combo", 800),
    TrafficFile(3, "gafgyt.tcp", 700),
    TrafficFile(4, "mirai.udpplain", 600),
)
ROWS = 300


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink the layout to four short captures."""
    monkeypatch.setattr(module, "FILES", SMALL)
    monkeypatch.setattr(module, "allocate", lambda rows: (rows - 3 * (rows // 4), *[rows // 4] * 3))
    monkeypatch.setattr(module, "write_metadata", lambda _folder, _shares: None)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file's bytes by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_kept_records_are_exact_and_start_cold(sizes: tuple[int, int]) -> None:
    """Exactly the wanted records are kept, the first among them, in runs of neighbours."""
    total, wanted = sizes
    kept = kept_records(total, wanted)
    assert kept.shape == (total,)
    assert np.count_nonzero(kept) == wanted
    assert kept[0]
    if wanted < total:
        starts = np.count_nonzero(np.diff(kept.astype(int)) == 1)
        assert starts <= wanted // module.RUN_ROWS + 1


def test_short_files_cover_the_whole_capture() -> None:
    """Runs are spread evenly: each fifth of the capture gives about a fifth of the rows."""
    fifths = kept_records(100_000, 1000).reshape(5, -1).sum(axis=1)
    assert fifths == pytest.approx([200] * 5, abs=module.RUN_ROWS + 1)


def test_rows_of_a_short_file_are_rows_of_the_whole_one() -> None:
    """Shortening a file drops rows; it never changes one."""
    file = SMALL[0]
    whole = np.concatenate(list(file_rows(file, file.original_rows, seed=5)))
    short = np.concatenate(list(file_rows(file, 100, seed=5)))
    assert whole.shape == (900, len(SOURCE_FEATURES))
    np.testing.assert_array_equal(short, whole[kept_records(900, 100)])


def test_a_file_has_the_header_and_the_rows_asked_for(tmp_path: Path) -> None:
    """The header is the published one, unquoted, and lines are as many as asked for."""
    size = write_file(tmp_path, SMALL[1], 40, seed=1)
    data = (tmp_path / "2.gafgyt.combo.csv").read_bytes()
    lines = data.decode("ascii").split("\n")
    assert len(data) == size
    assert lines[0] == ",".join(SOURCE_FEATURES)
    assert len(lines) == 42
    assert lines[-1] == ""
    assert all(line.count(",") == 114 for line in lines[:-1])


def test_files_can_be_longer_than_the_original(tmp_path: Path) -> None:
    """More rows than the original has come from a longer capture."""
    write_file(tmp_path, SMALL[2], 2000, seed=1)
    assert (tmp_path / "3.gafgyt.tcp.csv").read_bytes().count(b"\n") == 2001


@pytest.mark.usefixtures("small")
def test_same_seed_same_bytes_whatever_the_processes(tmp_path: Path) -> None:
    """One process or two, the same seed writes the same bytes; another seed writes others."""
    for name, seed, processes in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        assert generate(tmp_path / name, ROWS, seed, processes)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    a, c = contents(tmp_path / "a"), contents(tmp_path / "c")
    assert all(a[file.name] != c[file.name] for file in SMALL)


@pytest.mark.usefixtures("small")
def test_marker_and_second_run(tmp_path: Path) -> None:
    """The marker names the data synthetic; a second run with the same arguments writes nothing."""
    assert generate(tmp_path / "out", ROWS, 3, 1)
    marker = json.loads((tmp_path / "out" / MARKER).read_text())
    assert marker["rows"] == ROWS
    assert marker["seed"] == 3
    assert marker["complete"]
    assert "synthetic" in marker["what"]
    before = contents(tmp_path / "out")
    assert not generate(tmp_path / "out", ROWS, 3, 1)
    assert contents(tmp_path / "out") == before


@pytest.mark.usefixtures("small")
def test_an_interrupted_run_is_finished(tmp_path: Path) -> None:
    """A folder whose marker says incomplete is written anew, and ends as if never interrupted."""
    generate(tmp_path / "whole", ROWS, 1, 1)
    broken = tmp_path / "broken"
    generate(broken, ROWS, 1, 1)
    marker = json.loads((broken / MARKER).read_text())
    (broken / MARKER).write_text(json.dumps({**marker, "complete": False}))
    (broken / "1.benign.csv").write_text("half a li")
    assert generate(broken, ROWS, 1, 1)
    assert contents(broken) == contents(tmp_path / "whole")


@pytest.mark.usefixtures("small")
def test_the_marker_is_there_before_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies at once leaves a folder that the next run recognises and finishes."""

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_metadata", die)
        with pytest.raises(KeyboardInterrupt):
            generate(tmp_path, ROWS, 1, 1)
    assert not json.loads((tmp_path / MARKER).read_text())["complete"]
    assert generate(tmp_path, ROWS, 1, 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("marker", ['{"rows": 300, "seed": 2}', "not JSON", "[]"])
def test_other_demo_data_is_not_overwritten(tmp_path: Path, marker: str) -> None:
    """Demo data of other parameters, or a damaged marker, is refused and left as it is."""
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(ConfigError, match="other demo data"):
        generate(tmp_path, ROWS, 1, 1)
    assert contents(tmp_path) == {MARKER: marker.encode()}


@pytest.mark.usefixtures("small")
def test_a_folder_with_anything_else_is_refused(tmp_path: Path) -> None:
    """A folder that is not empty and not demo data is left alone."""
    (tmp_path / "1.benign.csv").write_text("precious")
    with pytest.raises(ConfigError, match="not an empty folder"):
        generate(tmp_path, ROWS, 1, 1)
    assert contents(tmp_path) == {"1.benign.csv": b"precious"}


@pytest.mark.usefixtures("small")
def test_closing_line_says_synthetic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with rows, files, seconds, pace and folder, and calls the data synthetic."""
    arguments = ["--rows", str(ROWS), "--out", str(tmp_path / "out"), "--processes", "1"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    for words in ("300 synthetic rows", "traffic files", "rows/s", str(tmp_path / "out")):
        assert words in out
    assert main(arguments) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path below a file cannot become a folder: one line that names it, exit code 2."""
    (tmp_path / "file").write_text("")
    assert main(["--rows", "1000", "--out", str(tmp_path / "file" / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "12"], "need 267"),
        (["--rows", "many"], "'full' (7,062,606)"),
        (["--rows", "1000", "--seed", "-1"], "0 or more"),
        (["--rows", "1000", "--processes", "0"], "at least 1"),
    ],
)
def test_faults_of_the_user_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """A wrong argument ends with one line on standard error and exit code 2, and writes nothing."""
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not (tmp_path / "out").exists()
