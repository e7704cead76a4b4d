"""A launcher that starts no Spark, in a tree of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


KEEPS_CLASSES = """
for each in "$@"; do
    [[ "$each" == *ArchiveClassesAtExit=* ]] || continue
    file="${each##*=}"
    echo classes >"${file%%\\"*}"
    exit
done
"""
"""What Java does for scripts/classes.sh."""


@dataclass(frozen=True)
class Launcher:
    """A copy of what spark-submit.sh needs, with jobs, Java and Spark settings of our own."""

    tree: Path

    def script(self, name: str, body: str) -> None:
        """Write an executable shell script."""
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def java(self, version: str) -> None:
        """Put a java on the PATH that only knows its version."""
        self.script("bin/java", f"echo 'openjdk version \"{version}\" 2025' >&2")

    def fake_spark(self, body: str = 'printf "%s\\n" "$@"') -> None:
        """Replace spark-submit, by default with what prints its arguments; it can keep classes."""
        self.script("spark/bin/spark-submit", KEEPS_CLASSES + body)
        (self.tree / "spark" / "jars").mkdir(exist_ok=True)
        (self.tree / "spark" / "jars" / "spark-core_2.13-4.2.0.jar").touch()

    def real_spark(self) -> None:
        """Take the classes that this checkout has kept of its Spark: to keep them takes minutes."""
        kept = ROOT / ".tools" / "classes"
        kept.mkdir(parents=True, exist_ok=True)
        (self.tree / ".tools").mkdir()
        (self.tree / ".tools" / "classes").symlink_to(kept)

    def run(
        self,
        *arguments: str,
        through: Path | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run spark-submit.sh as a user would, in a clean environment."""
        variables = {
            "PATH": os.pathsep.join(
                [str(self.tree / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "SPARK_PROPERTIES": str(self.tree / "plain.conf"),
            **environment,
        }
        if (self.tree / "spark").exists():
            variables.setdefault("SPARK_HOME", str(self.tree / "spark"))
        return subprocess.run(
            [through or self.tree / "spark-submit.sh", *arguments],
            cwd=through.parent if through else None,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """Return a launcher in a folder with a space in its name, with the one job ``echo``."""
    tree = tmp_path / "a tree"
    for name in ("conf", "scripts"):
        shutil.copytree(ROOT / name, tree / name)
    (tree / "lib" / "iotscore").mkdir(parents=True)
    (tree / "lib" / "iotscore" / "__init__.py").write_text('"""Stand-in."""\n')
    shutil.copy(ROOT / "spark-submit.sh", tree)
    (tree / "jobs").mkdir()
    (tree / "jobs" / "echo.py").write_text("")
    (tree / "plain.conf").write_text("spark.ui.enabled false\n")
    return Launcher(tree)
