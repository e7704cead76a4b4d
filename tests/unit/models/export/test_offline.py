"""``python -m iotscore score``: without Spark and what fits models, and with the same scores."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.__main__ import main
from iotscore.explain.explanation import explain
from iotscore.features import SOURCE_FEATURES
from iotscore.models.export.folder import write_folder
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.model import Model
    from iotscore.models.stored import StoredModel

ROOT = Path(__file__).resolve().parents[4]

BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Block())
from iotscore.__main__ import main
raise SystemExit(main(sys.argv[1:]))
"""
FOREIGN = {
    *("pyspark", "py4j", "delta", "deltalake", "tensorflow", "keras", "sklearn", "scipy"),
    *("pandas", "onnx", "yaml", "pydantic", "rich", "matplotlib", "jinja2"),
}


@pytest.fixture
def capture(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Return a capture of device 1, benign rows and far ones, and its features."""
    rows = np.concatenate([make_features(40, 5), make_features(20, 6, 3.0)])
    write_traffic(tmp_path / "1.2026-11-21.csv", rows)
    return tmp_path / "1.2026-11-21.csv", rows


def table(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV text."""
    return list(csv.DictReader(text.splitlines()))


def scored(text: str) -> np.ndarray:
    """Return the hybrid score of a CSV text."""
    return np.array([float(row["hybrid_score"]) for row in table(text)])


def test_it_needs_nothing_that_fits_models_and_no_engine(
    capture: tuple[Path, np.ndarray], folder: Path, stored: StoredModel
) -> None:
    """A process in which those cannot be imported, and without Java, scores to the last bit."""
    path, rows = capture
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=FOREIGN), "score", path, "--model", folder],
        env={"PATH": "", "PYTHONPATH": str(ROOT / "lib"), "HOME": str(path.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = stored.model.score(rows, np.ones(60, dtype=np.int64))
    found = table(done.stdout)
    assert [row["row_no"] for row in found] == [str(at) for at in range(1, 61)]
    for name in ("hybrid_score", "severity"):
        assert np.array_equal([float(row[name]) for row in found], expected[name])
    flags = expected["is_anomaly"]
    assert [row["is_anomaly"] == "true" for row in found] == flags.tolist()
    assert 20 <= flags.sum() < 60
    told = f"60 records of device 1 scored by model {stored.version}, {flags.sum()} flagged"
    assert told in done.stderr


def test_the_device_counts_and_can_be_given(
    capture: tuple[Path, np.ndarray],
    folder: Path,
    stored: StoredModel,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the name, by the argument, or unknown: each time the model's scores of that device."""
    path, rows = capture
    nameless = path.rename(path.with_name("capture.csv"))
    for arguments, device in (((), -1), (("--device", "0"), 0), (("--device", "1"), 1)):
        assert main(["score", str(nameless), "--model", str(folder), *arguments]) == 0
        expected = stored.model.score(rows, np.full(60, device))["hybrid_score"]
        captured = capsys.readouterr()
        assert np.array_equal(scored(captured.out), expected)
        assert ("an unknown device" if device < 0 else f"device {device}") in captured.err


def test_flagged_records_have_a_sentence(
    capture: tuple[Path, np.ndarray],
    folder: Path,
    stored: StoredModel,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence that the table ``explanations`` would hold; none for the others."""
    path, rows = capture
    assert main(["score", str(path), "--model", str(folder), "--explain"]) == 0
    expected = explain(stored.model, rows, np.ones(60, dtype=np.int64)).sentences()
    for row, sentence in zip(table(capsys.readouterr().out), expected, strict=True):
        assert row["sentence"] == (sentence if row["is_anomaly"] == "true" else "")


def test_lines_that_ingest_would_quarantine_are_told(
    capture: tuple[Path, np.ndarray], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They have no row, the others keep their numbers, and the exit code is 0 as for ingest."""
    path, _ = capture
    lines = path.read_text().splitlines()
    lines[3], lines[5] = "1,2,3", lines[5].replace(lines[5].split(",")[0], "nan", 1)
    path.write_text("\n".join(lines) + "\n")
    assert main(["score", str(path), "--model", str(folder)]) == 0
    captured = capsys.readouterr()
    numbers = [int(row["row_no"]) for row in table(captured.out)]
    assert numbers == [at for at in range(1, 61) if at not in (3, 5)]
    assert "line 3 is no record: too_few_columns (3 values, needs 115)" in captured.err
    assert "line 5 is no record: not_finite (value 1 is b'nan')" in captured.err
    assert "2 lines refused" in captured.err


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "does not exist; give a CSV file"),
        (b"", "is refused, empty_file: the file has no bytes"),
        (b"a,b\n1,2\n", "is refused, no_header"),
        (b"\x1f\x8b\x08\x00", "is refused, compressed"),
        (",".join(SOURCE_FEATURES[:-1]).encode() + b"\n", "is refused, wrong_columns"),
    ],
)
def test_what_ingest_refuses_is_refused(
    content: bytes | None,
    fault: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line on standard error, exit code 2, and nothing on standard output."""
    path = tmp_path / "1.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["score", str(path), "--model", str(folder)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert fault in line


def test_a_header_alone_gives_a_header(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A capture without records is no fault."""
    (tmp_path / "2.csv").write_text(",".join(SOURCE_FEATURES) + "\n")
    assert main(["score", str(tmp_path / "2.csv"), "--model", str(folder), "--explain"]) == 0
    assert capsys.readouterr().out == "row_no,severity,hybrid_score,is_anomaly,sentence\n"


def test_models_without_severity_or_without_flags(
    capture: tuple[Path, np.ndarray],
    tmp_path: Path,
    fitted: Callable[..., Model],
    linear: Callable[..., Model],
    stored_as: Callable[[Model], StoredModel],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Linear calibration has no severity; batch_minmax has no score of one file, and is refused."""
    path, rows = capture
    slow = ("detectors.iforest=null", "detectors.lstm=null")
    model = linear(*slow)
    write_folder(tmp_path / "linear", stored_as(model), None)
    assert main(["score", str(path), "--model", str(tmp_path / "linear"), "--device", "0"]) == 0
    out = capsys.readouterr().out
    assert {row["severity"] for row in table(out)} == {""}
    assert np.array_equal(scored(out), model.score(rows, np.zeros(60, int))["hybrid_score"])
    raw = stored_as(fitted("normalisation.mode=batch_minmax", *slow))
    write_folder(tmp_path / "raw", raw, None)
    assert main(["score", str(path), "--model", str(tmp_path / "raw")]) == 2
    assert "normalises scores over everything that it scores" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["-1", "x", "1.5"])
def test_a_device_is_a_number(device: str, folder: Path) -> None:
    """Anything else is a fault of the command line."""
    with pytest.raises(SystemExit) as caught:
        main(["score", "a.csv", "--model", str(folder), f"--device={device}"])
    assert caught.value.code == 2


def test_a_reader_that_leaves_is_no_fault(capture: tuple[Path, np.ndarray], folder: Path) -> None:
    """``| head`` ends the command quietly."""
    path, _ = capture
    path.write_text(path.read_text() + "".join(path.read_text().splitlines(keepends=True)[1:]) * 60)
    command = [sys.executable, "-m", "iotscore", "score", path, "--model", folder]
    with subprocess.Popen(
        command, cwd=ROOT / "lib", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0
