"""The section on drift: what moved, what is not known, and what nobody has looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from iotscore.report.drift import DeviceDrift, FeatureDrift
from iotscore.report.page import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.report.night import Night
    from iotscore.report.theme import Picture

STILL = DeviceDrift("Camera 10", FeatureDrift(900, 115, 0, ()), FeatureDrift(1000, 115, 0, ()))
UNKNOWN = DeviceDrift("Camera 9", FeatureDrift(20, 0, None, ()), FeatureDrift(30, 0, None, ()))


def section(page: str) -> str:
    """Return the section's source."""
    return page.split('<section id="drift"', 1)[1].split("</section>", 1)[0]


def words(source: str) -> str:
    """Return what a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", source).split())


@pytest.fixture
def section_with(labelled: Night, pictures: dict[str, Picture]) -> Callable[..., str]:
    """Return a maker of sections of a night whose drift is changed."""
    return lambda **changed: section(
        render(replace(labelled, drift=replace(labelled.drift, **changed)), pictures)
    )


def rows(page: str, caption: str) -> list[list[str]]:
    """Return the cells of a table's body."""
    table = page.split(f"<caption>{caption}</caption>", 1)[1].split("</table>", 1)[0]
    body = table.split("<tbody>", 1)[1]
    return [
        [words(cell) for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    ]


def test_open_alerts_are_shown_and_hidden_ones_counted(page: str) -> None:
    """Each with day, severity, kind and words; what is suppressed or left out is a number."""
    text = words(section(page))
    assert "2 of this day, 1 of the 7 days before it; 4 more" in text
    assert "1 suppressed one is not shown" in text
    everywhere, lasting, earlier = rows(page, "Open alerts, the newest day first")
    assert everywhere == [
        "all devices", "2026-11-24", "critical", "all_moved", "2 of 3 devices moved",
    ]  # fmt: skip
    assert lasting[1:4] == ["2026-11-24 since 2026-11-20", "warning", "drift"]
    assert earlier[:3] == ["Camera 9", "2026-11-22", "info"]


def test_severities_sort_by_rank(page: str) -> None:
    """Cells hold the rank; by its name, critical would come first or last by chance."""
    found = re.findall(r'data-value="(\d)"><span class="badge \w*">(\w+)<', section(page))
    assert found == [("2", "critical"), ("1", "warning"), ("0", "info")]


def test_what_moved_is_set_apart_from_what_an_attack_moved(page: str) -> None:
    """Features of all records stand in where too few are not flagged, and are marked so."""
    moved, flooded, unknown = rows(page, "Devices by features that drifted on this day")
    assert moved[1:5] == ["900", "40 of 115", "1,000", "50 of 115"]
    assert moved[5] == "H_L5_weight index 1.25, median -2.5 MI_dir_L5_mean index 0.50"
    assert flooded[1:5] == ["20", "—", "400", "115 of 115"]
    assert flooded[5] == "HH_L5_weight index 6.28, median +10 of all records"
    assert unknown[2:] == ["—", "520", "—", "—"]
    assert "no labels are used" in words(section(page))


def test_both_tables_can_be_sorted(page: str) -> None:
    """Every heading but those of sentences is a button, and the order that is shown is marked."""
    source = section(page)
    assert source.count('<table class="sortable">') == 2
    assert source.count("<button") == 4 + 5
    assert source.count('aria-sort="descending"') == 2
    assert '<li><a href="#drift">Drift</a></li>' in page


def test_a_night_that_nobody_looked_at_says_so(plain_page: str) -> None:
    """Not a word on drift; that there is no open alert is still said."""
    text = words(section(plain_page))
    assert "./spark-submit.sh monitor --warehouse DIR" in text
    assert "No open alert of this day or the 7 days before it." in text
    assert "moved" not in text
    assert "drifted" not in text
    assert "<table" not in section(plain_page)


@pytest.mark.parametrize(
    ("devices", "needed"),
    [
        ((STILL,), "No drift: on 1 device every feature"),
        ((STILL, STILL, UNKNOWN), "No drift: on 2 devices every feature"),
        ((STILL, UNKNOWN), "benign training records; 1 could not be compared."),
        ((UNKNOWN,), "No device could be compared"),
        ((), "No feature was compared: the hybrid scores of this model change with every file"),
    ],
)  # fmt: skip
def test_nothing_moved(
    section_with: Callable[..., str], devices: tuple[DeviceDrift, ...], needed: str
) -> None:
    """Nothing moved, nothing could be compared and nothing was compared are three things."""
    found = section_with(devices=devices)
    assert needed in words(found)
    assert "<caption>Devices by features" not in found


def test_files_that_came_late_are_counted(section_with: Callable[..., str]) -> None:
    """What is shown is then not the whole day; suppressed alerts alone are no open ones."""
    text = words(section_with(unmonitored=1, alerts=(), hidden=3))
    assert "Incomplete. 1 of the day's 4 files is not counted yet, or was replaced since." in text
    assert "No open alert of this day or the 7 days before it; 3 suppressed ones" in text
    assert "40 of 115" in text
