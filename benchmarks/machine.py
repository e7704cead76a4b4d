"""What the figures were measured on."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

_PACKAGES = ("pyspark", "delta-spark", "numpy", "numba", "pyarrow", "scikit-learn", "keras")


def machine() -> dict[str, str]:
    """Return processor, memory and system."""
    memory = psutil.virtual_memory().total / 2**30
    return {"cpu": _processor(), "memory": f"{memory:.0f} GiB", "system": platform.system()}


def versions() -> dict[str, str]:
    """Return versions of everything that could change a figure."""
    packages = {name.removesuffix("-spark"): version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "java": _java(), **packages}


def _processor() -> str:
    description = Path("/proc/cpuinfo")
    if description.is_file():
        match = re.search(r"^model name\s*: (.+)$", description.read_text(), re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        return "not on the PATH"
    text = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - Java's own answer
    match = re.search(r'version "([^"]+)"', text)
    return match[1] if match else "unknown"
