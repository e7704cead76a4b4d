"""Compile numeric loops with numba, cached on disk where that can work."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Return the function compiled on first call, without fast-math.

    Without fast-math every addition and multiplication is rounded as IEEE 754 says, in the order
    in which it is written: results do not depend on the processor or on neighbouring rows.

    Machine code is cached beside the source file, or where ``NUMBA_CACHE_DIR`` says. It is not
    cached when nothing can be written there, nor when the module was imported from a zip: numba
    would file it under the zip's path, which is another one in every Spark run.
    """
    jit = cast("Callable[[Function], Function]", numba.njit(nogil=True))
    if not Path(function.__code__.co_filename).is_file():
        return jit(function)
    try:
        cached = numba.njit(nogil=True, cache=True)(function)
        directory = Path(cached.stats.cache_path)
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except (RuntimeError, OSError):
        # RuntimeError: numba found no directory at all; OSError: it found one and may not write.
        return jit(function)
    return cast("Function", cached)
