"""Any file in the landing folder: one at a time without Spark, and all at once in a real ingest."""

from __future__ import annotations

import gzip
import io
import logging
import os
import random
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.errors import RefusalError
from iotscore.features import FEATURES, SOURCE_FEATURES
from iotscore.ingest.plan import Policy, make_plan
from iotscore.landing.file_changes import survey_source
from iotscore.landing.folder import discover, open_folder
from iotscore.landing.parse import parse_parts
from iotscore.landing.reason_codes import FILE_REASONS, LINE_LIMIT, LINE_REASONS
from night_stages import Stages
from traffic_files import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

REFUSE = Policy(changed_files="refuse", same_content="refuse")
DRAW = random.Random(5)  # noqa: S311 - test data


def line(*first: bytes) -> bytes:
    """Return a good line of random numbers that begins with some cells."""
    return b",".join([*first, *(repr(DRAW.gauss(0, 1e3)).encode() for _ in FEATURES[len(first) :])])


def text(*lines: bytes, end: bytes = b"\n") -> bytes:
    """Return a file: the header, a good line, the lines given, and another good line."""
    return b"".join(each + end for each in (HEADER, line(), *lines, line()))


def packed() -> bytes:
    """Return a zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("1.benign.csv", text())
    return target.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, and what must come of it: a reason to refuse it, or reasons of some of its lines."""

    content: bytes
    refused: str | None = None
    lines: dict[int, str] = field(default_factory=dict)


def bad(reason: str, damaged: bytes) -> Case:
    """Return a file whose second line is refused."""
    return Case(text(damaged), lines={2: reason})


CASES = {
    "good": Case(text()),
    "too few columns": bad("too_few_columns", line().rpartition(b",")[0]),
    "too many columns": bad("too_many_columns", line() + b",1"),
    "text in a number": bad("not_a_number", line(b"12a")),
    "empty field": bad("empty_value", line(b"1", b"")),
    "empty line": bad("empty_line", b""),
    "nan": bad("not_finite", line(b"NaN")),
    "inf": bad("not_finite", line(b"-Inf")),
    "overflow": bad("overflow", line(b"1", b"1e400")),
    "subnormals": Case(text(line(b"5e-324", b"-2.2250738585072011e-308", b"1e-320"))),
    "thousands, bare": bad("too_many_columns", line(b"1,234.5")),
    "thousands, grouped": bad("thousands_separator", line(b"1'234.5")),
    "thousands, quoted": bad("quoted", line(b'"1,234.5"')),
    "quotes": bad("quoted", b",".join(b'"%s"' % cell for cell in line().split(b","))),
    "quoted header": Case(b'"' + HEADER.replace(b",", b'","') + b'"\n' + line(), "quoted"),
    "semicolons": Case(text().replace(b",", b";"), "wrong_separator"),
    "semicolons in a line": bad("wrong_separator", line().replace(b",", b";")),
    "crlf": Case(text(line(), end=b"\r\n")),
    "crlf and lf": Case(text(line() + b"\r", line())),
    "lone cr": bad("carriage_return", line() + b"\r" + line()),
    "lone cr everywhere": Case(text(end=b"\r"), "carriage_return"),
    "bom": Case(b"\xef\xbb\xbf" + text()),
    "bom and no header": Case(b"\xef\xbb\xbf" + line() + b"\n", "no_header"),
    "utf-16": Case(text().decode().encode("utf-16"), "utf16"),
    "utf-16 without mark": Case(text().decode().encode("utf-16-be"), "utf16"),
    "nul bytes": bad("nul_bytes", b"\x00" * 4096),
    "nul in a value": bad("nul_bytes", line(b"1\x00")),
    "nul only": Case(b"\x00" * 100_000, "nul_bytes"),
    "invalid utf-8": bad("invalid_utf8", line(b"1\xff")),
    "latin-1 header": Case(HEADER + b",caf\xe9\n" + line(), "invalid_utf8"),
    "no header": Case(line() + b"\n" + line() + b"\n", "no_header"),
    "header only": Case(HEADER + b"\n"),
    "empty file": Case(b"", "empty_file"),
    "reordered columns": Case(b",".join(reversed(HEADER.split(b","))) + b"\n" + line()),
    "unknown column": Case(HEADER + b",extra\n" + line(b"1", b"2") + b",3\n", "wrong_columns"),
    "missing column": Case(text().replace(b"H_L5_mean,", b"", 1), "wrong_columns"),
    "duplicated column": Case(text().replace(b"H_L5_mean", b"H_L5_weight", 1), "wrong_columns"),
    "missing final newline": Case(text().removesuffix(b"\n")),
    "truncated last line": Case(text()[:-900], lines={2: "truncated_line"}),
    "50 MB line": Case(text(b"7" * 50_000_000), lines={2: "line_too_long"}),
    "3 MB of commas": Case(text(b"," * 3_000_000), lines={2: "line_too_long"}),
    "3 MB first line": Case(b"7" * 3_000_000, "no_header"),
    "a long line at the end": Case(text() + b"7" * (LINE_LIMIT + 1), lines={3: "line_too_long"}),
    "gzip": Case(gzip.compress(text()), "compressed"),
    "zip": Case(packed(), "compressed"),
    "count disagrees": Case(text(), "row_count_mismatch"),
}
MOST_BYTES = 100_000_000
CHOSEN = (
    "ingest.chunk_megabytes=0.003",
    "ingest.follow_links=true",
    f"ingest.most_file_bytes={MOST_BYTES}",
)
NAMES = {name: f"{number}.benign.csv" for number, name in enumerate(CASES, 1)}
ODD_NAMES = {name: Case(text()) for name in ("a b", 'it\'s "1"', "Gerät 电", "two\nlines")}


def put(folder: Path, *names: str) -> None:
    """Write some cases as files, and the metadata beside them."""
    for name in names:
        (folder / NAMES[name]).write_bytes(CASES[name].content)
    summary = f"File Name,Data Count,Feature Count\n{NAMES['count disagrees']},3,115\n"
    (folder / "data_summary.csv").write_text(summary)
    devices = [f"{number},Device {number}" for number in range(1, len(CASES) + 1)]
    (folder / "device_info.csv").write_text("\n".join(["DeviceID,DeviceName", *devices]))


def records(case: Case) -> dict[int, list[float]]:
    """Return what must be accepted of a case, read in the plainest way, by row number."""
    if case.refused:
        return {}
    first, *rows = case.content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n")
    names = first.decode().strip().split(",")
    found = {}
    for row_no, row in enumerate(rows, 1):
        if row_no not in case.lines:
            values = dict(zip(names, map(float, row.split(b",")), strict=True))
            found[row_no] = [values[name] for name in SOURCE_FEATURES]
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("chunk_bytes", [1, 3_000, 8_000_000])
def test_one_at_a_time(tmp_path: Path, name: str, chunk_bytes: int) -> None:
    """Each input ends as records with the text's values, refused lines, or a refused file."""
    put(tmp_path, name)
    case = CASES[name]
    landing = discover(str(tmp_path), [r"(?P<device_id>\d+)\.benign\.csv"])
    (file,) = landing.files
    filesystem, root = open_folder(str(tmp_path))
    survey = survey_source(filesystem, root, file, chunk_bytes)
    plan = make_plan([file], {file.file_id: survey}, landing.unusable, {}, REFUSE)
    assert [reason for *_, reason, _ in plan.refuse] == ([case.refused] if case.refused else [])
    accepted: dict[int, list[float]] = {}
    refused: dict[int, str] = {}
    for chunk in survey.chunks if plan.accept else ():
        assert chunk.length < chunk_bytes + 2 * LINE_LIMIT
        content = case.content[chunk.offset : chunk.offset + chunk.length]
        for parsed in parse_parts(content, survey.columns, chunk):
            for row in parsed.accepted.to_pylist():
                row_no = row.pop("row_no")
                accepted[row_no] = list(row.values())
            refused |= {line.row_no: line.reason for line in parsed.refused}
    assert refused == case.lines
    assert accepted == records(case)
    assert len(accepted) + len(refused) == (0 if case.refused else survey.rows)


def test_every_reason_has_its_case() -> None:
    """All reasons that there are come up here, or where files are listed, or where files change."""
    elsewhere = {"not_a_file", "link_loop", "broken_link", "unreadable", "changing"}
    elsewhere |= {"name_not_recognised", "name_not_text", "content_changed", "same_content"}
    elsewhere |= {"label_conflict", "link_outside", "time_out_of_range", "future_day", "too_large"}
    assert {case.refused for case in CASES.values()} - {None} == set(FILE_REASONS) - elsewhere
    assert {code for case in CASES.values() for code in case.lines.values()} == set(LINE_REASONS)


def no_files(folder: Path) -> dict[str, str]:
    """Put what is no readable file into a folder; return the reasons by name."""
    (folder / "901.benign.csv").mkdir()
    os.mkfifo(folder / "902.benign.csv")
    (folder / "903.benign.csv").symlink_to("903.benign.csv")
    (folder / "904.benign.csv").symlink_to("nowhere")
    (folder / "loop").symlink_to(".")
    (folder / "notes.csv").write_text("a,b\n")
    (folder / "7.2099-01-01.csv").write_bytes(text())
    (folder / "8.benign.csv.gz").write_bytes(gzip.compress(text()))
    (folder / "README.txt").write_text("about them")
    with (folder / "906.benign.csv").open("wb") as large:
        large.truncate(MOST_BYTES + 1)
    found = {
        "7.2099-01-01.csv": "future_day",
        "8.benign.csv.gz": "compressed",
        "906.benign.csv": "too_large",
        "901.benign.csv": "not_a_file",
        "902.benign.csv": "not_a_file",
        "903.benign.csv": "link_loop",
        "904.benign.csv": "broken_link",
        "loop": "link_loop",
        "notes.csv": "name_not_recognised",
    }
    # Nobody may read another process' memory: a plain file whose opening or reading fails.
    if Path("/proc/1/mem").is_file():
        (folder / "905.benign.csv").symlink_to("/proc/1/mem")
        found["905.benign.csv"] = "unreadable"
    return found


@pytest.mark.spark
def test_all_at_once(
    warehouse: Warehouse,
    settings: Callable[..., Settings],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One ingest of all of them: good files whole, bad lines and files with their reasons."""
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, *CASES)
    refused = no_files(folder)
    for name, case in ODD_NAMES.items():
        (folder / name).mkdir()
        (folder / name / "benign_traffic.csv").write_bytes(case.content)
    run = Stages(warehouse, settings("default", *CHOSEN))
    with caplog.at_level(logging.WARNING, "iotscore"), pytest.raises(RefusalError) as told:
        run.ingest(folder)
    assert f"{NAMES['count disagrees']}: data_summary.csv says 3 rows" in str(told.value)
    cases = {NAMES[name]: case for name, case in CASES.items()}
    cases |= {f"{name}/benign_traffic.csv": case for name, case in ODD_NAMES.items()}
    refused |= {path: case.refused for path, case in cases.items() if case.refused}
    check_tables(warehouse, cases, refused)

    unknown = [line for line in caplog.messages if "device_info.csv does not know 4 device" in line]
    assert len(unknown) == 1
    assert r"two\nlines" in unknown[0]
    assert len(caplog.messages) <= 1 + len(set(refused.values()))

    retried = [path for path, reason in refused.items() if reason == "unreadable"]
    again = (run.ingest_refusing if retried else run.ingest)(folder)
    assert (again["files_ingested"], again["files_refused"]) == (0, len(retried))
    assert again["files_still_refused"] == len(refused) - len(retried)
    assert again["files_ignored"] == 1


def check_tables(warehouse: Warehouse, cases: dict[str, Case], refused: dict[str, str]) -> None:
    """Compare ledger, quarantine and traffic with what must come of each file."""
    ledger = {row["source_file"]: row for row in warehouse.rows("ingest_files")}
    assert {path: row["reason"] for path, row in ledger.items() if row["reason"]} == refused
    assert set(ledger) == set(cases) | set(refused)
    found: dict[str, dict[int | None, str]] = {}
    for row in warehouse.rows("quarantine"):
        found.setdefault(row["source_file"], {})[row["row_no"]] = row["reason"]
        assert len(row["raw_text"] or "") <= 4 * 1000
        assert row["detail"]
    expected = {path: case.lines for path, case in cases.items() if case.lines}
    assert found == expected | {path: {None: reason} for path, reason in refused.items()}
    traffic = warehouse.read("traffic").toPandas()
    values = {
        path: dict(zip(part["row_no"], part[list(FEATURES)].to_numpy().tolist(), strict=True))
        for path, part in traffic.groupby("source_file")
    }
    assert values == {path: rows for path, case in cases.items() if (rows := records(case))}
    for path, row in ledger.items():
        assert row["rows_accepted"] == len(values.get(path, {}))
        assert row["rows_read"] == row["rows_accepted"] + row["rows_quarantined"]
