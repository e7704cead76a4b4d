"""What is shipped: the zip for executors, the pins, the set-up."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import iotscore

ROOT = Path(__file__).resolve().parents[2]
BUILD_ZIP = runpy.run_path(str(ROOT / "scripts" / "build_zip.py"))

IMPORT_ALL = """
import importlib, sys
archive, names = sys.argv[1], sys.argv[2:]
sys.path.insert(0, archive)
for name in names:
    module = importlib.import_module(name)
    assert module.__file__.startswith(archive), (name, module.__file__)
print(len(names), "tensorflow" in sys.modules)
"""


@pytest.fixture(scope="module")
def setup_arguments() -> dict[str, Any]:
    """Return what setup.py tells setuptools."""
    captured: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("setuptools.setup", captured.update)
        runpy.run_path(str(ROOT / "setup.py"))
    return captured


def spark_defaults() -> dict[str, str]:
    """Return the settings of conf/spark-defaults.conf."""
    lines = (ROOT / "conf" / "spark-defaults.conf").read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def test_every_module_imports_from_the_zip(tmp_path: Path) -> None:
    """Executors have the zip and nothing else of us; no module may need a file beside it."""
    archive = tmp_path / "iotscore.zip"
    archive.write_bytes(BUILD_ZIP["archive"](ROOT / "lib"))
    paths = [Path(name) for name in zipfile.ZipFile(archive).namelist() if name.endswith(".py")]
    left_out = {path.relative_to(ROOT / "lib") for path in (ROOT / "lib").rglob("*.py")} - {*paths}
    assert {path.parts[1] for path in left_out} == {"research", "simulate"}
    names = sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths)
    result = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL, archive, *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # TensorFlow takes seconds to import and executors need not have it.
    assert result.stdout == f"{len(names)} False\n", result.stderr


@pytest.mark.parametrize("home", [ROOT, ROOT / "tests"])
def test_a_driver_finds_research_in_the_project(tmp_path: Path, home: Path) -> None:
    """The zip leaves research code out; a driver takes it from the project's folder, or says so."""
    archive = tmp_path / "iotscore.zip"
    archive.write_bytes(BUILD_ZIP["archive"](ROOT / "lib"))
    script = (
        "from iotscore.cli.commands.evaluate import find_research; find_research();"
        "from iotscore.research import evasion, stage; print(evasion.__file__, stage.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(archive), "IOTSCORE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if home == ROOT:
        folder = ROOT / "lib/iotscore/research"
        assert result.stdout.split() == [f"{folder}/evasion/__init__.py", f"{folder}/stage.py"]
    else:
        assert "EnvironmentFaultError: this protocol is research code" in result.stderr


def test_the_report_finds_its_templates_in_the_zip(
    tmp_path: Path, setup_arguments: dict[str, Any]
) -> None:
    """The driver imports us from the zip too; what is installed has the templates as well."""
    archive = tmp_path / "iotscore.zip"
    archive.write_bytes(BUILD_ZIP["archive"](ROOT / "lib"))
    templates = [path.name for path in (ROOT / "lib/iotscore/report/templates").iterdir()]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from jinja2 import Environment, PackageLoader;"
        "print(*sorted(Environment(loader=PackageLoader('iotscore.report')).list_templates()))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", script, archive],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.split() == sorted(templates), result.stderr
    (pattern,) = setup_arguments["package_data"]["iotscore.report"]
    found = (ROOT / "lib/iotscore/report").glob(pattern)
    assert sorted(path.name for path in found) == sorted(templates)


def test_equal_sources_give_equal_archives(tmp_path: Path) -> None:
    """Times, order and leftovers of the interpreter do not change the bytes."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in ((first, ("a", "b")), (second, ("b", "a"))):
        for name in names:
            (folder / "p" / "__pycache__").mkdir(parents=True, exist_ok=True)
            (folder / "p" / f"{name}.py").write_text(name)
    (second / "p" / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"compiled")
    os.utime(second / "p" / "a.py", (0, 0))
    content = BUILD_ZIP["archive"](first)
    assert content == BUILD_ZIP["archive"](second)
    (tmp_path / "z").write_bytes(content)
    assert zipfile.ZipFile(tmp_path / "z").namelist() == ["p/a.py", "p/b.py"]


def test_an_archive_is_replaced_only_when_it_changed(tmp_path: Path) -> None:
    """An unchanged archive is left alone, a changed one replaced; no temporary file stays."""
    target = tmp_path / "dist" / "iotscore.zip"
    assert BUILD_ZIP["replace"](target, b"one")
    assert not BUILD_ZIP["replace"](target, b"one")
    assert BUILD_ZIP["replace"](target, b"two")
    assert target.read_bytes() == b"two"
    assert list(target.parent.iterdir()) == [target]


def test_jar_and_python_package_of_delta_are_of_one_version() -> None:
    """Delta's jar, its Python half and Spark move together: the jar names all three."""
    (coordinates,) = spark_defaults()["spark.jars.packages"].split(",")
    match = re.fullmatch(r"io\.delta:delta-spark_([\d.]+)_2\.13:([\d.]+)", coordinates)
    assert match, coordinates
    assert metadata.version("pyspark").startswith(match[1] + ".")
    assert metadata.version("delta-spark") == match[2]


def test_every_spark_setting_has_its_reason() -> None:
    """A setting, or a block of settings, stands below a comment that says why."""
    blocks = (ROOT / "conf" / "spark-defaults.conf").read_text().strip().split("\n\n")
    for block in blocks:
        assert block.startswith("#"), block


def test_setup_takes_the_version_from_the_package(setup_arguments: dict[str, Any]) -> None:
    """There is one place for the version."""
    assert setup_arguments["version"] == iotscore.__version__
    assert setup_arguments["package_dir"] == {"": "lib"}
    assert "iotscore.detect" in setup_arguments["packages"]


def test_the_lock_holds_what_setup_asks_for(setup_arguments: dict[str, Any]) -> None:
    """Each requirement is locked at a version that satisfies it: run make lock if not."""
    locked = dict(
        re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    wanted = setup_arguments["install_requires"] + setup_arguments["extras_require"]["dev"]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[requirement.name.lower()]), requirement


def test_the_lock_has_hashes_and_names_no_host() -> None:
    """A locked file is checked by its hash, wherever it comes from."""
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    entries = re.split(r"^(?=[A-Za-z])", lock, flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    for entry in entries:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a tree whose .venv is stamped as set up, with a Python that never works."""
    tree = tmp_path / "tree"
    (tree / ".venv" / "bin").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", tree / "scripts")
    for name in ("requirements.lock", "setup.py"):
        shutil.copy(ROOT / name, tree)
    broken = tree / ".venv" / "bin" / "python"
    broken.write_text("#!/bin/sh\nexit 99\n")
    broken.chmod(0o755)
    stamp = subprocess.run(
        ["bash", "-c", 'echo "$(cat requirements.lock setup.py | cksum) $PWD"'],
        cwd=tree,
        capture_output=True,
        check=True,
    ).stdout
    (tree / ".venv" / ".iotscore-setup").write_bytes(stamp)
    for name in ("bash", "cat", "cksum", "dirname", "env", "head", "id", "uname"):
        tool = shutil.which(name)
        assert tool, name
        (tree / "tools").mkdir(exist_ok=True)
        (tree / "tools" / name).symlink_to(tool)
    return tree


def set_up(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run scripts/setup.sh where no Python is to be found."""
    return subprocess.run(
        [tree / "scripts" / "setup.sh"],
        env={"PATH": str(tree / "tools")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_second_set_up_does_nothing(installed: Path) -> None:
    """With an unchanged lock no Python is even started."""
    result = set_up(installed)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["requirements.lock", "setup.py"])
def test_a_changed_lock_is_installed_again(installed: Path, name: str) -> None:
    """A changed lock makes the set-up look for a Python again, and say so if there is none."""
    with (installed / name).open("a") as file:
        file.write("# changed\n")
    result = set_up(installed)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "Python 3.11, 3.12 or 3.13 with venv is needed; the PATH has no python3. Type:" in line
