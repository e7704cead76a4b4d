"""docs/tables.md and docs/sql.md say what is there, all of it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iotscore.features import FEATURES
from iotscore.landing.reason_codes import FILE_REASONS, LINE_REASONS
from iotscore.warehouse.schemas import TABLES

ROOT = Path(__file__).resolve().parents[2]
TABLES_DOC = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
SQL_DOC = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
READY = sorted(path.stem for path in (ROOT / "conf" / "sql").glob("*.sql"))


def sections() -> dict[str, str]:
    """Return the text below each second-level heading."""
    parts = re.split(r"^## (.+)$", TABLES_DOC, flags=re.MULTILINE)
    return dict(zip((title.strip("`") for title in parts[1::2]), parts[2::2], strict=True))


def cells(section: str) -> list[list[str]]:
    """Return the body rows of all Markdown tables in a section."""
    rows = re.findall(r"^\| (`.+) \|$", section, flags=re.MULTILINE)
    return [[cell.strip() for cell in row.split(" |")] for row in rows]


def documented(table: str) -> list[tuple[str, str]]:
    """Return the columns that the documentation of a table lists, with their types, in order."""
    columns = []
    for name, kind, *_ in cells(sections()[table]):
        names = FEATURES if name == "`FEATURES`" else (name.strip("`"),)
        columns += [(one, kind) for one in names]
    return columns


def test_each_table_has_its_section() -> None:
    """No table is undocumented, and none is documented that does not exist."""
    assert [*TABLES, "Features", "Sums of record hashes", "Reason codes"] == list(sections())


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_those_of_the_schema(table: str) -> None:
    """Columns, their types and their order are documented as they are."""
    expected = [(field.name, field.dataType.simpleString()) for field in TABLES[table].schema]
    assert expected == documented(table)


@pytest.mark.parametrize("table", TABLES)
def test_each_column_says_what_it_means_and_when_it_is_null(table: str) -> None:
    """A row of the contract has five cells; only the unit may be empty."""
    for row in cells(sections()[table]):
        assert len(row) == 5, row
        assert all(cell for position, cell in enumerate(row) if position != 2), row


@pytest.mark.parametrize("table", TABLES)
def test_each_table_names_key_writer_readers_and_an_example(table: str) -> None:
    """A section tells what a row is, its key, who writes and who reads, and shows a query."""
    section = sections()[table]
    for part in ("One row is ", "Key: ", "Written by: ", "Read by: ", "```sql\n"):
        assert part in section


def test_features_are_built_from_the_documented_parts() -> None:
    """Streams, decays and statistics in the documentation give exactly the 115 names."""
    section = sections()["Features"]
    decays = re.findall(r"`(\w+)`", section.split("Decays: ")[1].split("(")[0])
    streams = [row for row in cells(section) if "`" in row[-1]]
    names = tuple(
        f"{stream.strip('`')}_{decay}_{statistic}"
        for stream, _, statistics in streams
        for decay in decays
        for statistic in re.findall(r"`(\w+)`", statistics)
    )
    assert names == FEATURES


def test_reason_codes_of_lines_are_documented() -> None:
    """Every code that a refused line can get is explained, in the words of the code."""
    rows = cells(sections()["Reason codes"])
    lines = {code.strip("`"): why for code, what, why in rows if what == "line"}
    assert lines == LINE_REASONS


def test_reason_codes_of_files_are_documented() -> None:
    """Every code with which a whole file is refused is explained, in the words of the code."""
    rows = cells(sections()["Reason codes"])
    files = {code.strip("`"): why for code, what, why in rows if what == "file"}
    assert files == FILE_REASONS


def test_reason_codes_are_told_on_the_page_about_input() -> None:
    """docs/input.md names each code, of lines and of files, and none that does not exist."""
    text = (ROOT / "docs" / "input.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|[^|]*\|$", text, flags=re.MULTILINE)
    told = {code for row in rows for code in re.findall(r"`([a-z_0-9]+)`", row)}
    assert told == {*FILE_REASONS, *LINE_REASONS}


def test_ready_queries_are_listed() -> None:
    """docs/sql.md lists each file in conf/sql and no other."""
    section = SQL_DOC.split("\n## Ready queries\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", section, flags=re.MULTILINE)
    assert sorted(listed) == READY
