"""Compile numeric loops with numba, cached on disk where that can work."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}
"""Division by zero gives infinity, as in NumPy: a test for it would keep loops from vectorising."""


def compiled(function: Function) -> Function:
    """Return the function compiled on first call, without fast-math.

    Without fast-math every addition and multiplication is rounded as IEEE 754 says, in the order
    in which it is written: results do not depend on the processor or on neighbouring rows.

    Machine code is cached beside the source file, or where ``NUMBA_CACHE_DIR`` says. It is not
    cached when nothing can be written there, nor when the module was imported from a zip: numba
    would file it under the zip's path, which is another one in every Spark run.
    """
    jit = cast("Callable[[Function], Function]", numba.njit(**_OPTIONS))
    if not Path(sys.modules[function.__module__].__file__ or "").is_file():
        return jit(function)
    try:
        cached = numba.njit(cache=True, **_OPTIONS)(function)
        directory = Path(cached.stats.cache_path)
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except (RuntimeError, OSError):
        # RuntimeError: numba found no directory at all; OSError: it found one and may not write.
        return jit(function)
    return cast("Function", cached)
