"""Tables and lines that jobs print: somebody else's names are shown, and do nothing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from iotscore.cli.console import open_console
from iotscore.cli.monitor import print_alerts

if TYPE_CHECKING:
    import pytest


def test_a_device_s_name_neither_steers_nor_styles(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, mark-up (also wrong one) and names of emoji in a table are text."""
    row = {"severity": "critical", "kind": "incident", "event_day": date(2026, 11, 21)}
    print_alerts([{**row, "device": "cam\x1b]0;x\x07\u202e", "message": "[/red] [bold]:bomb:"}])
    told = capsys.readouterr().out
    assert r"cam\x1b]0;x\x07\u202e" in told
    assert "[/red] [bold]:bomb:" in told
    assert "\x1b" not in told


def test_lines_are_plain_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A line beside the tables, such as the one with the warehouse's folder."""
    open_console().print("tables: /data/[x]\x1b[2J", soft_wrap=True)
    assert capsys.readouterr().out == "tables: /data/[x]\\x1b[2J\n"


def test_of_very_many_alerts_the_worst_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """And how many more there are."""
    row = {"kind": "incident", "event_day": date(2026, 11, 21), "device": "cam"}
    info = [{**row, "severity": "info", "message": f"m{number}"} for number in range(1_500)]
    print_alerts([*info, {**row, "severity": "critical", "message": "worst"}])
    told = capsys.readouterr().out
    assert told.index("worst") < told.index("m0")
    assert told.count("info") == 19
    assert "and 1,481 more: see the view v_open_alerts" in told
