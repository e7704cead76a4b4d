"""A whole night as cron starts it: hardly an environment, and beside a Hadoop that is elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from deltalake import DeltaTable

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = """<configuration>
  <property><name>fs.defaultFS</name><value>hdfs://nowhere.invalid:8020</value></property>
</configuration>
"""


def test_a_night_without_locale_beside_an_hdfs_that_is_not_there(
    landing: Path, tmp_path: Path
) -> None:
    """No LANG, folders with an accent, HDFS as Hadoop's default: local paths stay local.

    Standard error holds log lines alone, and neither scratch nor anything else stays behind.
    """
    folder = tmp_path / "données"
    shutil.copytree(landing, folder / "in")
    (tmp_path / "hadoop").mkdir()
    (tmp_path / "hadoop" / "core-site.xml").write_text(ELSEWHERE)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [
            *(ROOT / "spark-submit.sh", "nightly", "--set", "detectors.lstm.min_updates=0"),
            *("--input", folder / "in", "--warehouse", folder / "entrepôt"),
            *("--", "--driver-java-options", "-XX:TieredStopAtLevel=1"),
        ],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "HADOOP_CONF_DIR": str(tmp_path / "hadoop"),
            "TMPDIR": str(tmp_path / "scratch"),
        },
    )
    told = done.stderr.decode()
    assert done.returncode == 0, told[-3000:]
    assert "incubator" not in told
    assert "tables: " in done.stdout.decode()
    assert "entrepôt" in done.stdout.decode()
    scores = DeltaTable(str(folder / "entrepôt" / "scores")).to_pandas(columns=["row_no"])
    assert len(scores) == 260
    assert list((tmp_path / "scratch").iterdir()) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "données",
        "hadoop",
        "home",
        "scratch",
    ]
