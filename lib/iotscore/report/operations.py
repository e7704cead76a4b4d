"""What was delivered and how stages ran, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Composition:
    """Ingested records by device and kind of traffic (``benign``, a family, ``unlabelled``)."""

    kinds: tuple[str, ...]
    devices: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Refused:
    """Lines, or whole files, refused for one reason: by the last ingest, and ever."""

    what: str
    reason: str
    lately: int
    ever: int


@dataclass(frozen=True)
class RefusedFile:
    """A file that the last ingest refused."""

    source_file: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Quality:
    """What became of the lines that were delivered."""

    files: int
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    reconciled: int
    refused: tuple[Refused, ...]
    files_refused: tuple[RefusedFile, ...]
    more_files_refused: int


@dataclass(frozen=True)
class StageRun:
    """The last end of a stage, and the usual speed of earlier ones, record/s; None without any."""

    stage: str
    status: str
    started_at: datetime
    seconds: float | None
    rows: int | None
    rows_per_second: float | None
    usual: float | None
    cores: int
    peak_memory_bytes: int | None
    error: str | None
