"""Samples for protocols: of given lines, and of whole files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.evaluation.protocols.sample import Sample, SampleFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import FloatArray

KINDS = [("benign", None), ("gafgyt", "tcp"), ("mirai", "syn")]


def file_of(device: int, kind: int, rows: int) -> SampleFile:
    """Return a file of a device."""
    family, attack = KINDS[kind]
    return SampleFile(
        source_file=f"{device}.{family}.{attack}.csv",
        device_id=device,
        device=f"device {device}",
        family=family,
        attack=attack,
        rows=rows,
        weight=1.0 + device,
    )


def sample_of(files: Sequence[tuple[int, int, int, Sequence[int]]]) -> Sample:
    """Return files given as device, kind, lines in all and the lines that were sampled."""
    file_index = np.repeat(np.arange(len(files)), [len(lines) for *_, lines in files])
    row_no = np.array([line for *_, lines in files for line in lines], dtype=np.int64)
    features = np.column_stack([file_index, row_no]).astype(np.float64)
    described = tuple(file_of(device, kind, rows) for device, kind, rows, _ in files)
    return Sample(features, ("file", "line"), file_index, row_no, described)


def of_whole_files(
    files: Sequence[SampleFile], features: Sequence[FloatArray], names: tuple[str, ...]
) -> Sample:
    """Return all lines of some files."""
    lines = [file.rows for file in files]
    return Sample(
        np.concatenate(features),
        names,
        np.repeat(np.arange(len(files)), lines),
        np.concatenate([np.arange(1, rows + 1) for rows in lines]),
        tuple(files),
    )


WHOLE = sample_of([(d, k, 60, range(1, 61)) for d in (1, 2, 3) for k in (0, 1, 2)])
