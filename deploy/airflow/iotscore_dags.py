"""Airflow: score every night, maintain every week. Copy it into the folder of DAGs.

Variables of Airflow (defaults in brackets): ``iotscore_home`` [/opt/iotscore],
``iotscore_input`` [/data/landing], ``iotscore_warehouse`` [/data/warehouse].

``deploy/nightly.sh`` knows which exit codes are worth another try, so Airflow tries only once.
To fill in a day, trigger ``iotscore_nightly`` by hand with the parameter ``day``; its files alone
are taken up, and a day that is there already changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

HOME = "{{ var.value.get('iotscore_home', '/opt/iotscore') }}"
INPUT = "{{ var.value.get('iotscore_input', '/data/landing') }}"
WAREHOUSE = "{{ var.value.get('iotscore_warehouse', '/data/warehouse') }}"
ONE_DAY = "{% if params.day %} --date '{{ params.day }}'{% endif %}"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

with DAG(
    "iotscore_nightly",
    description="Ingest, score and evaluate what is new",
    schedule="30 2 * * *",
    start_date=FIRST,
    catchup=False,
    max_active_runs=1,
    params={"day": Param(None, type=["null", "string"], format="date")},
    tags=["iotscore"],
):
    BashOperator(
        task_id="nightly",
        bash_command=(
            f"exec '{HOME}/deploy/nightly.sh' --input '{INPUT}' --warehouse '{WAREHOUSE}'"
            f" --summary-json -{ONE_DAY}"
        ),
        # The script has a limit of its own, 4 hours.
        execution_timeout=timedelta(hours=5),
        retries=0,
        # One writer at a time, over both DAGs: give the pool one slot.
        pool="iotscore",
    )

with DAG(
    "iotscore_maintain",
    description="Keep the tables small and quick, then prove them",
    schedule="0 12 * * 0",
    start_date=FIRST,
    catchup=False,
    max_active_runs=1,
    tags=["iotscore"],
):
    maintain, verify = (
        BashOperator(
            task_id=job,
            bash_command=f"exec '{HOME}/spark-submit.sh' {job} --warehouse '{WAREHOUSE}'",
            execution_timeout=timedelta(hours=2),
            retries=0,
            pool="iotscore",
        )
        for job in ("maintain", "verify")
    )
    maintain >> verify
