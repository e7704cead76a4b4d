"""Query files and statements as editors save them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.commands import sql

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_a_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """A ready query with a mark, and a statement that was a file's text, are the same query."""
    folder = tmp_path / "conf" / "sql"
    folder.mkdir(parents=True)
    (folder / "mine.sql").write_text("SELECT 1", encoding=encoding)
    monkeypatch.setattr(sql, "home", lambda: tmp_path)
    named = argparse.Namespace(statement=None, query="mine")
    given = argparse.Namespace(
        statement=(folder / "mine.sql").read_text(encoding="utf-8"), query=None
    )
    assert sql._statement(named) == sql._statement(given) == "SELECT 1"


def test_formulas_are_a_matter_of_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """The option is refused with another format instead of doing nothing, before Spark starts."""
    with pytest.raises(SystemExit) as caught:
        sql.main(["--warehouse", "w", "--for-spreadsheets", "SELECT 1"])
    assert caught.value.code == 2
    assert "--for-spreadsheets needs --format csv" in capsys.readouterr().err
