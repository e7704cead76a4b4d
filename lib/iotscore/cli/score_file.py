"""Score one CSV file with an exported model: no Spark, no Java, no library that fits models."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Final

import numpy as np
from pyarrow import fs

from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import InputError, ModelError, one_line
from iotscore.explain.explanation import explain
from iotscore.features import HYBRID, SEVERITY, UNKNOWN_DEVICE, flag_column, score_column
from iotscore.landing.file_changes import told
from iotscore.landing.filenames import label_file
from iotscore.landing.parse import parse_parts
from iotscore.landing.reason_codes import FILE_REASONS
from iotscore.landing.scan import survey_file
from iotscore.models.export.folder import read_folder
from iotscore.warehouse.records import feature_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from iotscore.detect.model import Model
    from iotscore.landing.parse import ParsedChunk
    from iotscore.landing.scan import Survey
    from iotscore.models.stored import StoredModel

_CHUNK_BYTES: Final = 8 << 20
_SCORES: Final = (SEVERITY, score_column(HYBRID), flag_column(HYBRID))


def score_file(
    path: Path, folder: Path, device: int | None, out: TextIO, *, is_explained: bool
) -> str:
    """Write the scores of a file's records as CSV, and return what happened in one line.

    Columns are ``row_no`` (data line, from 1), ``severity`` (empty where the model has none),
    ``hybrid_score``, with all digits, ``is_anomaly``, and ``sentence`` if wanted: why, for flagged
    records. Lines that ingest would quarantine have no row; they are reported on standard error.

    Parameters
    ----------
    path
        A file in the layout of N-BaIoT.
    folder
        What ``models export`` has written.
    device
        Number of the device; None: as the file's name says by the patterns of the model's
        configuration, else unknown.
    out, is_explained
        Where the CSV goes, and whether sentences are wanted.

    Raises
    ------
    ModelError
        The model is damaged, or normalises over everything that is scored.
    InputError
        The file cannot be read, or ingest would refuse it.
    """
    stored = read_folder(folder)
    if stored.model.normalisation == BATCH_MINMAX:
        message = (
            f"the model {stored.version} normalises scores over everything that it scores "
            f"({BATCH_MINMAX}), and one file is not that; score in a warehouse, or export a model "
            "of another profile"
        )
        raise ModelError(message)
    number = _device_of(path, stored) if device is None else device
    survey = _surveyed(path)
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["row_no", *_SCORES, *(["sentence"] if is_explained else [])])
    scored = flagged = refused = 0
    for parsed in _parsed(path, survey):
        for line in parsed.refused:
            told_line = f"line {line.row_no} is no record: {line.reason} ({line.detail})"
            sys.stderr.write(f"{one_line(told_line)}\n")
        refused += len(parsed.refused)
        if parsed.accepted.num_rows:
            columns = _columns(stored.model, parsed, number, is_explained=is_explained)
            flags = columns[1 + _SCORES.index(flag_column(HYBRID))]
            scored, flagged = scored + len(flags), flagged + flags.count("true")
            rows.writerows(zip(*columns, strict=True))
    whose = "an unknown device" if number == UNKNOWN_DEVICE else f"device {number}"
    return (
        f"{scored:,} records of {whose} scored by model {stored.version}, {flagged:,} flagged, "
        f"{refused:,} lines refused"
    )


def _device_of(path: Path, stored: StoredModel) -> int:
    """Return the device in a file's name, -1 if there is none."""
    patterns = stored.manifest.get("parameters", {}).get("ingest", {}).get("patterns", [])
    label = label_file(path.name, patterns, {})
    return UNKNOWN_DEVICE if label is None or label.device_id is None else label.device_id


def _surveyed(path: Path) -> Survey:
    """Survey a file as ingest does, and refuse what ingest refuses."""
    if not path.is_file():
        message = f"{path} {'is no file' if path.exists() else 'does not exist'}; give a CSV file"
        raise InputError(message)
    try:
        survey = survey_file(fs.LocalFileSystem(), str(path), _CHUNK_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    if survey.fault is not None:
        message = (
            f"{path} is refused, {survey.fault}: {FILE_REASONS[survey.fault]} "
            f"({survey.fault_detail}); docs/input.md says what to do"
        )
        raise InputError(message)
    return survey


def _parsed(path: Path, survey: Survey) -> Iterator[ParsedChunk]:
    """Yield the file's lines as ingest parses them."""
    try:
        with path.open("rb") as source:
            for chunk in survey.chunks:
                source.seek(chunk.offset)
                content = source.read(chunk.length)
                if len(content) < chunk.length:
                    message = f"{path} became shorter while it was read; run it again"
                    raise InputError(message)
                yield from parse_parts(content, survey.columns, chunk)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot read {path}: {told(error)}; check who may read it")


def _columns(
    model: Model, parsed: ParsedChunk, device: int, *, is_explained: bool
) -> list[list[str]]:
    """Return the columns of some records as texts."""
    X = feature_matrix(parsed.accepted)
    devices = np.full(X.shape[0], device, dtype=np.int64)
    scores = model.score(X, devices)
    flags = scores[flag_column(HYBRID)]
    columns = [list(map(str, parsed.accepted.column("row_no").to_pylist()))]
    for name in _SCORES[:2]:
        values = scores[name].tolist() if name in scores else [""] * len(flags)
        columns.append(list(map(str, values)))
    columns.append(["true" if flag else "false" for flag in flags.tolist()])
    if is_explained:
        sentences = iter(explain(model, X[flags], devices[flags]).sentences())
        columns.append([next(sentences) if flag else "" for flag in flags.tolist()])
    return columns
