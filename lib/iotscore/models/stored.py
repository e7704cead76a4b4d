"""A model as it is stored, in a registry or in a folder: bundle and manifest, checked together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from iotscore.detect.bundle import from_bytes, version_of
from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import ModelError
from iotscore.features import FEATURES
from iotscore.json_validation import EACH, NUMBER, TEXT, WHOLE, form_fault, strict_json
from iotscore.sampling.splits import SplitPlan

if TYPE_CHECKING:
    from iotscore.detect.model import Model
    from iotscore.json_validation import Form

_CUTOFF: Final = (int, type(None))
_MANIFEST: Final[Form] = {
    "model_version": TEXT,
    "normalisation": TEXT,
    "split": {
        "seed": WHOLE,
        "fraction": NUMBER,
        "parts": {EACH: {"train_end": WHOLE, "calibration_end": WHOLE}},
        "train_cutoff": _CUTOFF,
        "calibration_cutoff": _CUTOFF,
    },
}
"""What a manifest must hold for scoring and evaluation; the rest of it is for people."""


@dataclass(frozen=True)
class StoredModel:
    """A model as it is stored, checked byte by byte."""

    version: str
    manifest: dict[str, Any]
    bundle: bytes
    model: Model

    @cached_property
    def split(self) -> SplitPlan:
        """What the model was trained by."""
        return SplitPlan.from_json(self.manifest["split"])

    @property
    def is_batch_minmax(self) -> bool:
        """Whether each new file changes all scores, as in the published baselines."""
        return self.model.normalisation == BATCH_MINMAX


def checked(
    version: str, bundle: bytes, sha256: str | None, manifest: str | bytes, mend: str
) -> StoredModel:
    """Rebuild a model that is stored under a version.

    Parameters
    ----------
    sha256
        Checksum of the whole bundle that is stored beside it, if there is one.
    mend
        What to do about damage, for messages.

    Raises
    ------
    ModelError
        Bundle or manifest is damaged, or does not belong to the version.
    """
    model = _checked_bundle(version, bundle, sha256, mend)
    return StoredModel(version, _checked_manifest(version, manifest, model, mend), bundle, model)


def _checked_bundle(version: str, bundle: bytes, sha256: str | None, mend: str) -> Model:
    if not bundle:
        message = f"the model {version} has no bundle; {mend}"
        raise ModelError(message)
    actual = version_of(bundle)
    is_whole = sha256 is None or hashlib.sha256(bundle).hexdigest() == sha256
    if actual != version or not is_whole:
        message = (
            f"the bundle of the model {version} has the checksum of {actual}: it is damaged or was "
            f"swapped; {mend}"
        )
        raise ModelError(message)
    try:
        model = from_bytes(bundle)
    except ModelError as error:
        message = f"the model {version} cannot be used: {error}"
        raise ModelError(message) from error
    if model.features != FEATURES:
        message = (
            f"the model {version} scores {len(model.features)} features "
            f"{list(model.features[:2])} ..., which are not the {len(FEATURES)} of traffic, in "
            "their order; name another model with --model, or train again"
        )
        raise ModelError(message)
    return model


def _checked_manifest(version: str, text: str | bytes, model: Model, mend: str) -> dict[str, Any]:
    """Return the manifest after checking what scoring and evaluation take from it."""
    try:
        manifest = strict_json(text)
        fault = form_fault(manifest, _MANIFEST, "it")
    except ValueError as error:
        fault = str(error)
    if fault:
        message = f"the manifest of the model {version} is damaged ({fault}); {mend}"
        raise ModelError(message)
    needed = {"model_version": version, "normalisation": model.normalisation}
    for key, value in needed.items():
        if manifest[key] != value:
            message = (
                f"the manifest of the model {version} says {key} {manifest[key]!r} and its bundle "
                f"{value!r}: they do not belong together; {mend}"
            )
            raise ModelError(message)
    return dict(manifest)
