"""A whole night as cron starts it: hardly an environment, and beside a Hadoop that is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def test_a_night_without_locale_beside_an_hdfs_that_is_not_there(first_night: Path) -> None:
    """No LANG, folders with an accent, HDFS as Hadoop's default: local paths stay local.

    Standard error holds log lines alone, and neither scratch nor anything else stays behind.
    """
    told = (first_night / "stderr.txt").read_text(encoding="utf-8")
    assert "incubator" not in told
    printed = (first_night / "stdout.txt").read_text(encoding="utf-8")
    assert "tables: " in printed
    assert "première-nuit" in printed
    scores = DeltaTable(str(first_night / "warehouse" / "scores")).to_pandas(columns=["row_no"])
    assert len(scores) == 260
    assert list((first_night / "scratch").iterdir()) == []
    assert sorted(each.name for each in first_night.iterdir()) == [
        "hadoop",
        "in",
        "scratch",
        "stderr.txt",
        "stdout.txt",
        "warehouse",
    ]
