"""Compile numeric loops with numba, cached on disk where that can work."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba
from numba.core.caching import ZipCacheLocator

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}
"""Division by zero gives infinity, as in NumPy: a test for it would keep loops from vectorising."""


_CONFIG: Final[Any] = numba.config  # its attributes are made at run time


class SourceLocator(ZipCacheLocator):
    """File the machine code of a zipped module under the hash of the module's source.

    numba would file it under the zip's path, which is another one in every Spark run: never found
    again, and never deleted. The folder is ``NUMBA_CACHE_DIR``, else the user's cache of numba.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)  # type: ignore[no-untyped-call]  # numba's has no types
        module = sys.modules[function.__module__]
        source = module.__loader__.get_source(module.__name__)  # type: ignore[union-attr]
        self._stamp = hashlib.sha256(source.encode()).hexdigest()
        root = _CONFIG.CACHE_DIR or Path(self._cache_path).parent
        self._cache_path = str(Path(root) / f"iotscore_{self._stamp[:16]}")

    def get_source_stamp(self) -> str:
        """Return what must be equal for cached code to be used."""
        return self._stamp


def compiled(function: Function) -> Function:
    """Return the function compiled on first call, without fast-math.

    Without fast-math every addition and multiplication is rounded as IEEE 754 says, in the order
    in which it is written: results do not depend on the processor or on neighbouring rows.

    Machine code is cached beside the source file, or where ``NUMBA_CACHE_DIR`` says, or as
    :class:`SourceLocator` says; where nothing can be written it is compiled in every process. A
    function and the compiled functions that it calls must stand in one module, since numba
    notices changes of a function's own file only.
    """
    try:
        cached = _cached(function)
        directory = Path(cached.stats.cache_path)
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except (RuntimeError, OSError):
        # RuntimeError: numba found no directory at all; OSError: it found one and may not write.
        return cast("Function", numba.njit(**_OPTIONS)(function))
    return cast("Function", cached)


def _cached(function: Callable[..., Any]) -> Any:  # noqa: ANN401 numba has no types
    in_zip = not Path(sys.modules[function.__module__].__file__ or "").is_file()
    chosen = _CONFIG.CACHE_LOCATOR_CLASSES
    if in_zip:
        _CONFIG.CACHE_LOCATOR_CLASSES = f"{__name__}.{SourceLocator.__name__}"
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    finally:
        _CONFIG.CACHE_LOCATOR_CLASSES = chosen
