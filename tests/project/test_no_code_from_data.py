"""Nothing turns data into code, neither in the source as it is nor by a slip in a change."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("lib", "jobs", "scripts", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]

MODULES = {
    *("pickle", "_pickle", "cloudpickle", "dill", "jsonpickle", "joblib"),
    *("marshal", "shelve", "code", "codeop", "runpy"),
}
"""Modules that rebuild objects, or run code, from bytes or text."""

CALLS = {
    *("eval", "exec", "compile", "__import__", "import_module", "exec_module", "load_module"),
    *("read_pickle", "to_pickle", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"),
    *("system", "popen", "getoutput", "getstatusoutput"),
}
"""Functions that do the same, by the last part of their name."""

HARMLESS = {"re.compile", "model.compile", "network.compile", "platform.system"}
"""A pattern is no code; Keras' ``compile`` names an optimiser."""

EXCEPTIONS = {
    # A child of SafeLoader: plain values only.
    ("lib/iotscore/config/yaml.py", "yaml.load(text, _StrictLoader)"),
    # The name of an optional package, written in the source.
    ("lib/iotscore/fetch.py", "importlib.import_module('kagglehub')"),
    # The file of the job that spark-submit.sh has chosen, in the place of Python itself.
    ("scripts/driver.py", "import runpy"),
    # The project's own jobs, for their help.
    ("scripts/reference_tables.py", "import runpy"),
}
"""File and call, as :func:`ast.unparse` writes it."""


def findings(source: str) -> list[str]:
    """Return the imports and calls of a source text that could run code from data."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(source)) if _is_dangerous(node)]


def _is_dangerous(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return (node.module or "").split(".")[0] in MODULES or bool(names & (CALLS | MODULES))
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    is_load = called in ("yaml.load", "yaml.load_all")
    is_call = called.split(".")[-1] in CALLS and called not in HARMLESS
    return is_load or is_call or any(map(_is_switched_on, node.keywords))


def _is_switched_on(word: ast.keyword) -> bool:
    is_off = isinstance(word.value, ast.Constant) and word.value.value is False
    return word.arg in ("shell", "allow_pickle") and not is_off


def test_the_source_turns_no_data_into_code() -> None:
    """No pickle, no eval, no unsafe YAML, no shell; exceptions are named, and needed."""
    found = {
        (path.relative_to(ROOT).as_posix(), finding)
        for path in SOURCES
        for finding in findings(path.read_text(encoding="utf-8"))
    }
    assert len(SOURCES) > 80
    assert found == EXCEPTIONS


SLIPS = {
    "import pickle": "TID251",
    "import pickle as fast\n\nfast.loads(data)": "S301",
    "from joblib import load": "TID251",
    "import dill": "TID251",
    "import cloudpickle": "TID251",
    "import marshal\n\nmarshal.loads(data)": "S302",
    "import shelve": "TID251",
    "import pandas as pd\n\npd.read_pickle(path)": "S301",
    "eval(data)": "S307",
    "exec(data)": "S102",
    "import yaml\n\nyaml.load(data, yaml.Loader)": "S506",
    "import yaml\n\nyaml.unsafe_load(data)": None,
    "import subprocess\n\nsubprocess.run(data, shell=True)": "S602",
    "import os\n\nos.system(data)": "S605",
    "import numpy as np\n\nnp.load(path, allow_pickle=True)": None,
    "import numpy as np\n\nnp.load(path, allow_pickle=wanted)": None,
    "compile(data, '', 'exec')": None,
    "__import__(data)": None,
    "from importlib import import_module": None,
}
"""What somebody might write, and the rule of ruff that refuses it; None: only the test above."""


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_found(slip: str) -> None:
    """Each way to run code from data is found by the walk over the source."""
    assert len(findings(slip)) >= 1


def test_what_is_harmless_is_not_found() -> None:
    """The walk does not cry wolf: safe loaders, patterns and plain arrays may be used."""
    for source in (
        "import re\nre.compile(pattern)",
        "import yaml\nyaml.safe_load(text)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import subprocess\nsubprocess.run(command, shell=False, check=True)",
        "import json\njson.loads(text)",
    ):
        assert findings(source) == []


def test_the_linter_refuses_slips_by_itself() -> None:
    """What ruff has a rule for is refused before any test runs, with the project's settings."""
    told = {}
    for slip, rule in SLIPS.items():
        if rule is not None:
            command = [sys.executable, "-m", "ruff", "check", "--select", rule, "--quiet"]
            place = ["--stdin-filename", "lib/iotscore/slip.py", "-"]
            run = subprocess.run(
                [*command, *place],
                cwd=ROOT,
                input=slip,
                capture_output=True,
                text=True,
                check=False,
            )
            told[slip] = rule if rule in run.stdout else run.stdout + run.stderr
    assert told == {slip: rule for slip, rule in SLIPS.items() if rule is not None}
