"""Write the golden model and its scores: ``PYTHONPATH=lib python tests/data/golden/make.py``.

Run it only when the bundle format changes on purpose, and keep the old files beside the new ones:
bundles of released versions must stay readable.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from iotscore.detect.bundle import FORMAT_VERSION, to_bytes
from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.calibration.threshold import benign_quantile
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.detectors.isolation_forest import IsolationForestDetector
from iotscore.detect.model import Model
from iotscore.detect.scaling import MinMaxScaler

FOLDER = Path(__file__).parent


def autoencoder(rng: np.random.Generator) -> LstmAutoencoder:
    """Return an autoencoder of random weights: no training, so the same on every machine."""
    detector = LstmAutoencoder(
        units=2,
        epochs=3,
        sequence="record",
        patience=0,
        batch_size=512,
        learning_rate=0.001,
        random_state=42,
    )
    shapes = {"kernel_1": (6, 6), "bias_1": (6,), "kernel_2": (2, 18), "bias_2": (18,)}
    shapes |= {"kernel_3": (6, 6), "bias_3": (6,)}
    arrays = {name: rng.normal(0, 0.5, s).astype(np.float32) for name, s in shapes.items()}
    arrays["loss_history_"] = np.array([0.3, 0.2, 0.1])
    return LstmAutoencoder.from_arrays(arrays, detector.parameters)


def main() -> None:
    """Build a model of six features, score twelve rows, write both."""
    rng = np.random.default_rng(2018)
    train = rng.gamma(2.0, 10.0, (60, 6))
    train[:, 4] = 7.0
    rows = np.vstack([rng.gamma(2.0, 10.0, (9, 6)), rng.gamma(2.0, 500.0, (3, 6))]).round(3)
    scaler = MinMaxScaler("keep", 0.0).fit(train)
    scaled = scaler.transform(train)
    forest = IsolationForestDetector(n_estimators=3, max_samples=16, random_state=7).fit(scaled)
    detectors = {"iforest": forest, "lstm": autoencoder(rng)}
    raw = {name: detector.score(scaled) for name, detector in detectors.items()}
    model = Model(
        scaler=scaler,
        detectors=detectors,
        weights={"iforest": 0.4, "lstm": 0.6},
        calibrations={
            name: ScoreCalibration(*np.quantile(scores, [0.5, 0.99]).tolist())
            for name, scores in raw.items()
        },
        thresholds={name: benign_quantile(scores, 0.95) for name, scores in raw.items()}
        | {"hybrid": 1.0},
        features=tuple("abcdef"),
    )
    scores = {name: column.tolist() for name, column in model.score(rows).items()}
    (FOLDER / f"model_v{FORMAT_VERSION}.iotscore").write_bytes(to_bytes(model))
    text = json.dumps({"rows": rows.tolist(), "scores": scores}, indent=1)
    (FOLDER / f"scores_v{FORMAT_VERSION}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
