"""Exported folders: what is in them comes back, and what is damaged does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.errors import EnvironmentFaultError, ModelError
from iotscore.models.export.folder import BUNDLE, GRAPH, MANIFEST, README, read_folder, write_folder
from iotscore.models.export.model_card import model_card

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.model import Model
    from iotscore.models.stored import StoredModel


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """Return a private copy of an exported folder."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_folder_gives_the_model_back(folder: Path, stored: StoredModel) -> None:
    """The same bytes, manifest and version."""
    found = read_folder(folder)
    assert (found.version, found.bundle) == (stored.version, stored.bundle)
    assert found.manifest == stored.manifest
    assert {path.name for path in folder.iterdir()} == {BUNDLE, MANIFEST, README}


def test_a_graph_of_an_earlier_export_goes(tmp_path: Path, stored: StoredModel) -> None:
    """No file of another model is left beside this one's."""
    assert tmp_path / GRAPH in write_folder(tmp_path, stored, b"graph")
    assert (tmp_path / GRAPH).read_bytes() == b"graph"
    write_folder(tmp_path, stored, None)
    assert not (tmp_path / GRAPH).exists()
    assert "onnx" not in (tmp_path / README).read_text()


def test_the_page_names_what_the_graph_gives(
    stored: StoredModel,
    fitted: Callable[..., Model],
    stored_as: Callable[[Model], StoredModel],
) -> None:
    """Outputs, threshold and data; a model without calibration promises no hybrid score."""
    text = model_card(stored, has_graph=True)
    assert "(synthetic data, not N-BaIoT)" in text
    assert "`neighbours_score`, `envelope_score`, `severity`, `hybrid_score`, `is_anomaly`" in text
    assert f"above {stored.model.thresholds['hybrid']!r}" in text
    raw = fitted("normalisation.mode=batch_minmax", "detectors.iforest=null", "detectors.lstm=null")
    text = model_card(stored_as(raw), has_graph=True)
    assert "Outputs, one value a row: `neighbours_score`, `envelope_score`. Detectors" in text


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _other_version(path: Path) -> None:
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"model_version": "0" * 12}))


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda folder: _flip(folder / BUNDLE), "damaged or was swapped; export the model again"),
        (lambda folder: (folder / BUNDLE).write_bytes(b""), "has no bundle"),
        (lambda folder: (folder / BUNDLE).unlink(), "cannot read .*model.iotscore: No such file"),
        (lambda folder: (folder / MANIFEST).unlink(), "give --model a folder that .* export"),
        (lambda folder: (folder / MANIFEST).write_text("{"), r"manifest.json is damaged \("),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "manifest.json is damaged"),
        (lambda folder: _other_version(folder / MANIFEST), "the model 000000000000 has the"),
    ],
)
def test_a_damaged_folder_is_refused(
    copy: Path, damage: Callable[[Path], object], fault: str
) -> None:
    """Before anything is scored, and with what to do."""
    damage(copy)
    with pytest.raises(ModelError, match=fault):
        read_folder(copy)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, stored: StoredModel) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(EnvironmentFaultError, match=r"cannot write the model to .*taken"):
        write_folder(tmp_path / "taken", stored, None)
