"""Look for inputs that break a promise: ``python fuzz/run.py [SECONDS]``.

Each check gets a process of its own and that many seconds. What is found is printed and kept
below ``demo/fuzz``; it belongs into a unit test. Needs atheris, which has wheels for Linux on
x86-64 only.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

CHECKS = ("check_ingest", "check_config", "check_webhook")
FOUND = Path(__file__).resolve().parent.parent / "demo" / "fuzz"


def main(arguments: list[str]) -> int:
    """Run every check, or the one that is named behind the seconds."""
    try:
        import atheris
    except ImportError:
        message = "atheris is missing; `make fuzz` installs it, on Linux with an x86-64 processor"
        print(message, file=sys.stderr)
        return 2
    seconds = arguments[0] if arguments else "60"
    if len(arguments) > 1:
        _fuzz(atheris, arguments[1], seconds)
    codes = [
        subprocess.run([sys.executable, __file__, seconds, name], check=False).returncode
        for name in CHECKS
    ]
    return int(any(codes))


def _fuzz(atheris: ModuleType, name: str, seconds: str) -> None:
    """Run a check on what the fuzzer makes of its seeds; does not return."""
    with atheris.instrument_imports(include=["iotscore", "yaml", "http", name]):
        check = importlib.import_module(name)
    FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(check.SEEDS):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            f"-artifact_prefix={FOUND}{os.sep}{name}-",
            "-max_len=2048",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ]
        atheris.Setup([name, *options, corpus], check.check)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
