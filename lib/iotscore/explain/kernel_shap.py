"""Shapley values of the autoencoder's score, estimated by Kernel SHAP as in the published reports.

The score is a function of the unscaled features. Scaling maps each feature by itself, so a feature
that is exchanged before scaling is exchanged after it, and the values are the same: rows are scaled
once and not with each of the thousands of coalitions.

References
----------
.. [1] Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions", NIPS 2017.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from iotscore.bounds import Bounds, Count, Positive
from iotscore.errors import InputError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iotscore.detect.detector import BoolArray, Detector, Float32Array, FloatArray, IntArray
    from iotscore.detect.model import Model

    Progress = Callable[[int], None]

LSTM: Final = "lstm"
"""The detector that is explained."""


@dataclass(frozen=True)
class ShapOptions:
    """How to estimate, and for how many instances.

    Attributes
    ----------
    background_clusters : int
        Means that the background is summarised to; what a feature that is not in a coalition is
        replaced by.
    samples : int
        Coalitions per instance. With fewer than twice the features nothing can be estimated; the
        error falls with the square root of their number.
    seconds : float
        Time that all may take.
    benign, attack : int
        Most instances of each kind.
    """

    background_clusters: Count
    samples: Annotated[int, Bounds(ge=256)]
    seconds: Positive
    benign: Count
    attack: Count


@dataclass(frozen=True, eq=False)
class KernelValues:
    """What the features of some instances contribute to their scores.

    Attributes
    ----------
    base : float
        Mean score of the summarised background.
    instances : int64 array of shape (n_explained,)
        Which were explained, in this order.
    values : float64 array of shape (n_explained, n_features)
        With the base they sum to the score, up to rounding. Above 0: more anomalous.
    scores : float64 array of shape (n_explained,)
        Mean squared reconstruction errors.
    """

    base: float
    instances: IntArray
    values: FloatArray
    scores: FloatArray


def autoencoder_of(model: Model) -> Detector:
    """Return the detector that is explained; raise :class:`ModelError` if the model has none."""
    if LSTM not in model.detectors:
        message = (
            f"the model has the detectors {sorted(model.detectors)} and no {LSTM}, which alone is"
            " explained by SHAP: train a model with detectors.lstm"
        )
        raise ModelError(message)
    return model.detectors[LSTM]


def explain_score(
    model: Model,
    background: FloatArray,
    X: FloatArray,
    is_attack: BoolArray,
    options: ShapOptions,
    seed: int,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> KernelValues:
    """Explain instances one by one, benign ones and attacks in turn, until the time is up.

    No instance is begun that would end too late if it took as long as the longest before it. What
    is found for an instance depends on the background, the options and its place in the order,
    not on how many follow. NumPy's global random state is as before afterwards.

    Parameters
    ----------
    background : float64 array of shape (n_background, n_features)
        Unscaled benign rows, at least one.
    X : float64 array of shape (n_rows, n_features)
        Unscaled instances.
    is_attack : bool array of shape (n_rows,)
        Their labels; they decide the order alone.
    seed : int
        Of the order of the instances and of the coalitions.
    progress : callable or None
        Called after each instance with the number of those that are done.

    Raises
    ------
    ModelError
        The model has no autoencoder, or rows have another number of columns.
    InputError
        There is no background.
    """
    begun = clock()
    detector = autoencoder_of(model)
    if background.shape[0] == 0:
        message = "there are no benign background rows, and SHAP compares with them: give some"
        raise InputError(message)
    rows = model.scaler.transform(X)
    order = interleaved(is_attack, seed)
    values, longest = [np.empty((0, rows.shape[1]))], 0.0
    # One thread: the order of sums, and with it the last bits, would depend on the processor.
    with threadpool_limits(1), _own_random_state():
        scaled = model.scaler.transform(background)
        explainer = _explainer(detector, scaled, options.background_clusters)
        for place, instance in enumerate(order.tolist()):
            before = clock()
            if before - begun + longest > options.seconds:
                break
            _seed(seed, place)
            values.append(_explain(explainer, rows[instance], options.samples))
            longest = max(longest, clock() - before)
            if progress is not None:
                progress(place + 1)
    done = order[: len(values) - 1]
    scores = detector.score(rows[done])
    return KernelValues(float(explainer.expected_value), done, np.vstack(values), scores)


def interleaved(is_attack: BoolArray, seed: int) -> IntArray:
    """Return benign instances and attacks, each shuffled, in turn.

    Wherever the order is cut, both have about the same share explained.
    """
    random = np.random.default_rng(seed)
    kinds = [random.permutation(np.flatnonzero(is_attack == kind)) for kind in (False, True)]
    places = [(np.arange(kind.size) + 0.5) / max(kind.size, 1) for kind in kinds]
    order: IntArray = np.concatenate(kinds)[np.argsort(np.concatenate(places), kind="stable")]
    return order


def _explainer(detector: Detector, background: Float32Array, clusters: int) -> Any:  # noqa: ANN401 shap has no types
    """Return shap's explainer of a score, compared with the means of the background's clusters."""
    import shap

    distinct = np.unique(background, axis=0).shape[0]
    summary = shap.kmeans(background, min(clusters, distinct))
    return shap.KernelExplainer(detector.score, summary)


def _explain(explainer: Any, row: Float32Array, samples: int) -> FloatArray:  # noqa: ANN401 shap has no types
    # Without a choice of features (l1_reg) the values of all of them sum to score - base.
    values = explainer.shap_values(row, nsamples=samples, l1_reg=False, silent=True)
    return np.asarray(values, dtype=np.float64)[np.newaxis]


@contextmanager
def _own_random_state() -> Iterator[None]:
    """Give NumPy's global random state back: shap draws from it."""
    before = np.random.get_state()  # noqa: NPY002 the one that shap uses
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def _seed(seed: int, place: int) -> None:
    """Let each instance draw its own coalitions, so that their errors average out."""
    mixed = np.random.SeedSequence((seed, place)).generate_state(1)
    np.random.seed(mixed)  # noqa: NPY002
