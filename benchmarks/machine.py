"""What the figures were measured on."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

_PACKAGES = (
    ("pyspark", "pyspark"),
    ("delta", "delta-spark"),
    ("numpy", "numpy"),
    ("numba", "numba"),
    ("pyarrow", "pyarrow"),
    ("scikit-learn", "scikit-learn"),
    ("keras", "keras"),
)


def machine() -> dict[str, str]:
    """Return processor, memory and system."""
    memory = psutil.virtual_memory().total / 2**30
    return {"cpu": _processor(), "memory": f"{memory:.0f} GiB", "system": platform.system()}


def versions() -> dict[str, str]:
    """Return versions of everything that could change a figure."""
    packages = {name: version(package) for name, package in _PACKAGES}
    return {"python": platform.python_version(), "java": _java(), **packages}


def _processor() -> str:
    description = Path("/proc/cpuinfo")
    if description.is_file():
        found = re.search(r"^model name\s*: (.+)$", description.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        return "not on the PATH"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - Java's own answer
    found = re.search(r'version "([^"]+)"', told)
    return found[1] if found else "unknown"
