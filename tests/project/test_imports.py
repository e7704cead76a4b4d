"""Which modules of the library import what: no circles, and no Spark where there is no need."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "lib"
WITH_SPARK = re.compile(
    r"iotscore\.(cli|config|ingest|maintenance|query|verify|warehouse|__main__)\b"
    r"|iotscore\.(evaluation|explain|monitoring|research)\.\w*(stage|tasks|ledger|history|alerting)$"
    r"|iotscore\.(evaluation\.histogram|models|promotion|report\.read|runs|sampling|scoring)\b"
    r"|iotscore\.alerts\.(notify|suppress)$"
)
"""What may import Spark, and what imports that."""
WITHOUT_SPARK = """
    import importlib, sys

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {"pyspark", "py4j", "delta"}:
                raise ModuleNotFoundError(f"No module named {name!r}")

    sys.meta_path.insert(0, Absent())
    for module in sys.argv[1:]:
        importlib.import_module(module)
"""


def modules(root: Path) -> dict[str, Path]:
    """Return the modules below a source root by dotted name."""
    found = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path) -> dict[str, set[str]]:
    """Return what each module imports of the others, at any place and for any purpose."""
    known = modules(root)
    graph: dict[str, set[str]] = {}
    for module, path in known.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {name if name in known else str(node.module) for name in inner}
        graph[module] = (named & known.keys()) - {module}
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circle, the first one again at the end; none if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_modules_do_not_import_in_a_circle() -> None:
    """The graph of imports has an order."""
    graph = imports(LIB)
    assert len(graph) > 200
    assert circle(graph) == []


@pytest.mark.parametrize(
    "line",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from iotscore.a import A",
        "def late():\n    from iotscore import a",
        "import iotscore.a",
    ],
)
def test_a_circle_is_seen(tmp_path: Path, line: str) -> None:
    """Imports for types and in functions count."""
    (tmp_path / "iotscore").mkdir()
    for name, text in {"__init__": "", "a": "from iotscore.b import B", "b": line}.items():
        (tmp_path / "iotscore" / f"{name}.py").write_text(text)
    assert set(circle(imports(tmp_path))) == {"iotscore.a", "iotscore.b"}


def run_without_spark(*names: str) -> subprocess.CompletedProcess[str]:
    """Import modules in an interpreter that has no Spark."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WITHOUT_SPARK), *names],
        env={"PYTHONPATH": str(LIB)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_but_the_engine_imports_without_spark() -> None:
    """Every module that need not know Spark imports where it is not installed."""
    names = sorted(
        name
        for name in modules(LIB)
        if not WITH_SPARK.match(name) and not name.endswith("__main__")
    )
    packages = {name.split(".")[1] for name in names if "." in name}
    assert {"alerts", "detect", "evaluation", "explain", "landing", "monitoring"} <= packages
    done = run_without_spark(*names)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_engine_does_not_import_without_spark() -> None:
    """The absence is real."""
    done = run_without_spark("iotscore.warehouse.session")
    assert "No module named 'pyspark'" in done.stderr
