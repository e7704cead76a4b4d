"""The page that lies beside an exported model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iotscore.features import HYBRID, SEVERITY, flag_column, score_column

if TYPE_CHECKING:
    from iotscore.models.stored import StoredModel

RAW_TOLERANCE: Final = 1e-5
"""How far raw scores of the graph may lie from ours, relative to their size. Measured on the sample
of N-BaIoT: 1.1e-6 for the autoencoder, 2.4e-7 for neighbours, 1e-7 and less for the others."""

_DATA: Final = {True: "synthetic data, not N-BaIoT", False: "captured data"}

_PAGE: Final = """\
# iotscore model {version}

Fitted on {train:,} and calibrated on {calibration:,} benign records of {files} files ({data}). No
label of an attack was used. The files and their checksums are in `manifest.json`.

Detectors that count, with their weights: {weights}. Normalisation: `{normalisation}`. A higher
score means more anomalous.

| file | holds |
| --- | --- |
| `model.iotscore` | the model: plain arrays and checksums; its SHA-256 begins with its version |
| `manifest.json` | settings, split, training files, versions of libraries |
"""

_SCORING: Final = """
## Score a file

```
python -m iotscore score FILE.csv --model DIR [--device N] [--explain]
```

It needs neither Spark nor Java; scores are those of the warehouse, to the last bit.
"""

_GRAPH_ROW: Final = "| `model.onnx` | the same model for other runtimes |\n"

_GRAPH: Final = """
## ONNX

| input | type | what |
| --- | --- | --- |
| `features` | float64 (rows, {n_features}) | unscaled, in the order that the metadata name |
| `device` | int64 (rows,) | number of each record's device, -1 where it is unknown |

Outputs, one value a row: {outputs}. Detectors without weight are left out.{threshold}

Sums are rounded in another order than in iotscore. Raw scores agree within {raw:g} of their size;
hybrid scores and severities are those of raw scores within that bound. A record that near the
threshold may be flagged by one and not by the other.
"""


def model_card(stored: StoredModel, *, has_graph: bool) -> str:
    """Return the page, as Markdown."""
    model, manifest = stored.model, stored.manifest
    rows = manifest.get("rows", {})
    counted = {name: weight for name, weight in model.weights.items() if weight > 0.0}
    text = _PAGE.format(
        version=stored.version,
        train=rows.get("train", 0),
        calibration=rows.get("calibration", 0),
        files=len(manifest.get("training_files", [])),
        data=_DATA[bool(manifest.get("is_synthetic"))],
        weights=", ".join(f"{name} {weight:.3g}" for name, weight in counted.items()),
        normalisation=model.normalisation,
    )
    if not has_graph:
        return text + _SCORING
    outputs, threshold = [score_column(name) for name in counted], ""
    if model.calibrations:
        outputs += [] if model.hybrid_tail is None else [SEVERITY]
        outputs += [score_column(HYBRID), flag_column(HYBRID)]
        threshold = f" Flags start above {model.thresholds[HYBRID]!r}."
    graph = _GRAPH.format(
        n_features=len(model.features),
        outputs=", ".join(f"`{name}`" for name in outputs),
        threshold=threshold,
        raw=RAW_TOLERANCE,
    )
    return text + _GRAPH_ROW + _SCORING + graph
