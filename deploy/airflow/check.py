"""Parse the DAGs with the real Airflow and run one night: ``make check-airflow``.

Airflow has its own environment and a database in a folder that is thrown away. The night is a
real one, on demo data.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.3.2"


def main(environment: Path, landing: Path) -> None:
    """Install Airflow if need be, then check."""
    python = environment / "bin" / "python"
    uv = ROOT / ".venv" / "bin" / "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", environment], check=True)
    wanted = f"apache-airflow=={VERSION}"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, wanted], check=True)
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            "AIRFLOW_HOME": folder,
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "deploy" / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "AIRFLOW_VAR_IOTSCORE_HOME": str(ROOT),
            "AIRFLOW_VAR_IOTSCORE_INPUT": str(landing.resolve()),
            "AIRFLOW_VAR_IOTSCORE_WAREHOUSE": f"{folder}/warehouse",
            "TRIES": "1",
        }

        def airflow(*arguments: str) -> str:
            done = subprocess.run(
                [environment / "bin" / "airflow", *arguments],
                env={**os.environ, **variables},
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"airflow {' '.join(arguments)}: {done.stdout[-3000:]}")
            return done.stdout

        airflow("db", "migrate")
        airflow("pools", "set", "iotscore", "1", "one writer at a time")
        airflow("dags", "reserialize")
        airflow("dags", "list-import-errors")  # fails if there is one
        found = airflow("dags", "list", "--columns", "dag_id", "--output", "plain").split()
        if missing := {"iotscore_nightly", "iotscore_maintain"} - set(found):
            raise SystemExit(f"Airflow does not know {sorted(missing)}")
        told = airflow("dags", "test", "iotscore_nightly", "2026-11-24")
        if not (Path(folder) / "warehouse" / "scores" / "_delta_log").is_dir():
            raise SystemExit(f"{told[-3000:]}\nthe night left no scores")
    print(f"Airflow {VERSION} parsed both DAGs and ran a night on {landing}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
