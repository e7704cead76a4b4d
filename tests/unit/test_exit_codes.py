"""Exit codes are stated once, and the documentation repeats them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iotscore.exit_codes import (
    ALERTED,
    BUG,
    DONE,
    EXIT_CODES,
    INTERRUPTED,
    STOPPED,
    USER_FAULT,
    gravest,
)

ROOT = Path(__file__).resolve().parents[2]


def test_shells_say_signals_the_same_way() -> None:
    """128 and the signal's number."""
    assert (INTERRUPTED, STOPPED) == (130, 143)


def test_every_code_is_in_the_table_of_the_documentation() -> None:
    """With its meaning and what to do, word for word, and no other code is there."""
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    section = page.partition("## Exit codes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", section, re.MULTILINE)
    assert rows == [(str(one.code), one.meaning, one.to_do) for one in EXIT_CODES]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((), DONE),
        ((DONE, USER_FAULT), USER_FAULT),
        ((USER_FAULT, ALERTED), ALERTED),
        ((ALERTED, BUG), BUG),
        ((BUG, INTERRUPTED), INTERRUPTED),
        ((USER_FAULT, STOPPED, BUG), STOPPED),
    ],
)
def test_the_gravest_of_several_is_told(codes: tuple[int, ...], expected: int) -> None:
    """A stop before a bug, a bug before an alert, an alert before what a user can mend."""
    assert gravest(*codes) == gravest(*reversed(codes)) == expected
