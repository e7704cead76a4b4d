"""A standalone cluster that ``deploy/standalone/cluster.sh`` starts, and jobs on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Submit = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "standalone" / "cluster.sh"
SHORT_LIVED = "--conf=spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Cluster:
    """A master and two workers of one core each."""

    folder: Path
    url: str
    archive: Path | None

    def run(
        self,
        submit: Submit,
        *arguments: str | Path,
        options: tuple[str, ...] = (),
        is_packed: bool | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a job there; executors get code from the driver, and so their packages if packed.

        Else they use this Python, which spares each of them to unpack 700 MB.
        """
        is_packed = self.archive is not None if is_packed is None else is_packed
        packed = (f"--archives={self.archive}#environment",) if is_packed else ()
        return submit(
            *arguments,
            environment={
                "MASTER": self.url,
                "SPARK_SECRETS": str(self.folder / "secret.conf"),
                "PYSPARK_PYTHON": "./environment/bin/python" if is_packed else sys.executable,
                "PYTHONPATH": "",
                "SPARK_LOCAL_IP": "127.0.0.1",
            },
            options=(SHORT_LIVED, *packed, *options),
        )

    def verb(self, verb: str) -> subprocess.CompletedProcess[str]:
        """Ask the script to do something about the cluster."""
        return subprocess.run(
            [SCRIPT, verb, self.folder], capture_output=True, text=True, check=False
        )


@contextmanager
def started(
    folder: Path, environment: Mapping[str, str] = os.environ, archive: Path | None = None
) -> Iterator[Cluster]:
    """Run a cluster whose PATH has Java and a Python without any package of ours."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if not base.exists():
        pytest.skip(f"this Python has no {base} that a node could have")
    java = Path(shutil.which("java") or "/usr/bin/java").parent
    path = os.pathsep.join(map(str, (base.parent, java, "/usr/bin", "/bin")))
    bare = {**environment, "PATH": path, "PYTHONPATH": "", "WORKERS": "2"}
    foreign = subprocess.run(
        [base, "-c", "import iotscore"], env=bare, capture_output=True, check=False
    )
    assert foreign.returncode == 1
    begun = subprocess.run(
        [SCRIPT, "start", folder], env=bare, stdout=subprocess.PIPE, text=True, check=True
    )
    running = Cluster(folder, begun.stdout.strip(), archive)
    try:
        yield running
    finally:
        assert running.verb("stop").returncode == 0
