"""Opening Parquet data files: the checksum of each page is checked, and damage has one error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from iotscore.errors import DamagedFileError
from iotscore.s3_refusals import refusal
from iotscore.warehouse.delta_rs import files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_SIGNS: Final = (OSError, pa.ArrowException, ValueError, LookupError, TypeError, OverflowError)
"""What reading a damaged file raises: pages, headers, the footer, or names in it are not right."""


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Make what reading a data file raises an error that names the file.

    Raises
    ------
    DamagedFileError
        The file is damaged, cannot be read, or is gone.
    """
    try:
        yield
    except DamagedFileError:
        raise
    except PermissionError:
        raise
    except _SIGNS as error:
        if refusal(str(error)):
            raise
        raise _damaged(path, _fault(error)) from error


def _fault(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "is not there"
    told = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read ({told})"
    return f"is damaged: its content is not what was written ({told})"


def open_file(
    path: str,
    needed: Collection[str] = (),
    texts: Sequence[str] = (),
    *,
    memory_map: bool = False,
    buffer_size: int = 0,
) -> pq.ParquetFile:
    """Open a data file, whose pages are checked as they are read.

    Parameters
    ----------
    path
        Its path.
    needed
        Columns that it must have.
    texts
        Columns that are read as dictionaries.
    memory_map, buffer_size
        As for :class:`pyarrow.parquet.ParquetFile`.

    Raises
    ------
    DamagedFileError
        It is damaged, cannot be read, or lacks a column.
    """
    with reading(path):
        file = pq.ParquetFile(
            files.source_of(path),
            memory_map=memory_map,
            buffer_size=buffer_size,
            read_dictionary=list(texts),
            page_checksum_verification=True,
        )
        if missing := sorted(set(needed) - set(file.schema_arrow.names)):
            raise _damaged(path, f"lacks the columns {missing[:3]}")
        return file


def batches(
    file: pq.ParquetFile, path: str, batch_rows: int, **how: object
) -> Iterator[pa.RecordBatch]:
    """Yield batches of an open data file.

    Parameters
    ----------
    file, path
        As :func:`open_file` returns it, and its path.
    batch_rows
        Most rows of a batch.
    **how
        As for :meth:`pyarrow.parquet.ParquetFile.iter_batches`.

    Raises
    ------
    DamagedFileError
        A page is damaged or cannot be read.
    """
    with reading(path):
        source = file.iter_batches(batch_rows, use_threads=False, **how)
    while True:
        with reading(path):
            batch = next(source, None)
        if batch is None:
            return
        yield batch


def _damaged(path: str, fault: str) -> DamagedFileError:
    return DamagedFileError(
        f"the data file {path} {fault}; restore it from a backup, and run verify, which says what "
        "else is wrong"
    )
