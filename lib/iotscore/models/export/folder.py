"""A model as a plain folder: bundle, manifest, a page for people and an ONNX graph."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from iotscore.atomic_write import replace_file
from iotscore.errors import EnvironmentFaultError, ModelError
from iotscore.json_validation import TEXT, form_fault, strict_json
from iotscore.models.export.model_card import model_card
from iotscore.models.stored import checked

if TYPE_CHECKING:
    from pathlib import Path

    from iotscore.models.stored import StoredModel

BUNDLE: Final = "model.iotscore"
MANIFEST: Final = "manifest.json"
README: Final = "README.md"
GRAPH: Final = "model.onnx"


def write_folder(folder: Path, stored: StoredModel, graph: bytes | None) -> list[Path]:
    """Write a model, each file in one step, and return the paths; an earlier graph is removed.

    Raises
    ------
    EnvironmentFaultError
        The folder cannot be written.
    """
    files = {
        BUNDLE: stored.bundle,
        MANIFEST: json.dumps(stored.manifest, indent=1, sort_keys=True).encode() + b"\n",
        README: model_card(stored, has_graph=graph is not None).encode(),
    }
    if graph is not None:
        files[GRAPH] = graph
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / GRAPH).unlink(missing_ok=True)
        for name, content in files.items():
            replace_file(folder / name, content)
    except OSError as error:
        message = (
            f"cannot write the model to {folder}: {error.strerror}; give --out a local folder that "
            "may be written"
        )
        raise EnvironmentFaultError(message) from error
    return [folder / name for name in files]


def read_folder(folder: Path) -> StoredModel:
    """Read a model from its folder.

    Raises
    ------
    ModelError
        A file is missing or damaged, or the two do not belong together.
    """
    mend = f"export the model again to {folder}"
    try:
        bundle, manifest = (folder / BUNDLE).read_bytes(), (folder / MANIFEST).read_bytes()
        version = _stated_version(manifest)
    except OSError as error:
        message = (
            f"cannot read {error.filename}: {error.strerror}; give --model a folder that "
            "./spark-submit.sh models export has written"
        )
        raise ModelError(message) from error
    except ValueError as error:
        message = f"the manifest {folder / MANIFEST} is damaged ({error}); {mend}"
        raise ModelError(message) from error
    return checked(version, bundle, None, manifest, mend)


def _stated_version(manifest: bytes) -> str:
    content = strict_json(manifest)
    if fault := form_fault(content, {"model_version": TEXT}, "it"):
        raise ValueError(fault)
    return str(content["model_version"])
