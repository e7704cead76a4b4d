"""The views that people read: what they show of made-up nights, and that any names can carry them.

Expected figures are counted here from the rows that were put in.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sklearn.metrics import roc_auc_score

from iotscore.query.query import run_query
from iotscore.query.views import RENAMED_VIEWS, VIEWS, read_views, view_query
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import TABLES
from nights_of_two_devices import ATTACKS, BENIGN, MOMENT, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    Opened = Callable[[SparkSession, str], SparkSession]

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[3]
TEXTS = read_views(ROOT / "conf" / "sql" / "views")


@pytest.fixture(scope="module")
def made_up(
    _session: SparkSession, opened: Opened, tmp_path_factory: pytest.TempPathFactory
) -> SparkSession:
    """Return a session over the made-up nights."""
    warehouse = open_warehouse(_session, str(tmp_path_factory.mktemp("made_up")))
    for table, rows in ROWS.items():
        warehouse.append(table, rows)
    return opened(_session, warehouse.root)


def test_days_are_counted_per_device(made_up: SparkSession) -> None:
    """Days are those of the champion, newest first; a device without a number is one, too."""
    rows = run_query(made_up, "SELECT * FROM v_device_day").collect()
    assert [
        (row.device, row.event_day.day, row.records, row.flagged, row.flagged_rate, row.incidents)
        for row in rows
    ] == [
        ("Bell", 1, 1, 0, 0.0, 0),
        ("Bell", 3, 4, 3, 0.75, 0),
        ("Camera", 3, 2, 1, 0.5, 2),
        ("Bell", 2, 2, 1, 0.5, 0),
        ("Bell", 1, 4, 1, 0.25, 0),
    ]
    assert [row.worst_severity for row in rows] == [21.0, 24.0, 22.0, 22.0, 24.0]


def test_the_newest_day_is_compared_with_the_days_before(made_up: SparkSession) -> None:
    """The usual rate is the median of earlier days; the sentence is the highest record's.

    A capture from a clock that is ahead is not of the newest day.
    """
    worst = (ROOT / "conf" / "sql" / "worst_devices.sql").read_text(encoding="utf-8")
    rows = run_query(made_up, worst).collect()
    assert [(row.device, row.event_day) for row in rows] == [
        ("Bell", date(2026, 1, 3)),
        ("Camera", date(2026, 1, 3)),
    ]
    bell, camera = run_query(made_up, "SELECT * FROM v_newest_day").collect()
    assert (bell.device, bell.earlier_days, bell.usual_flagged_rate) == ("Bell", 2, 0.375)
    assert (bell.change, bell.top_sentence) == (0.375, "because")
    assert (camera.device, camera.earlier_days) == ("Camera", 0)
    assert (camera.usual_flagged_rate, camera.change, camera.top_sentence) == (None, None, None)
    assert {row.model_version for row in (bell, camera)} == {"new"}


def test_flagged_records_come_with_their_explanation(made_up: SparkSession) -> None:
    """Each flagged record of the champion is there once, explained or not, the newest day first."""
    rows = run_query(made_up, "SELECT * FROM v_flagged_records").collect()
    assert [(row.file_id, row.row_no, row.sentence) for row in rows] == [
        ("Bell3", 3, None),
        ("Bell3", 2, "because"),
        ("Camera3", 2, None),
        ("Bell3", 1, "less"),
        ("Bell2", 2, None),
        ("Bell1", 4, None),
    ]
    row = rows[1]
    assert (row.feature_1, row.contribution_1, row.value_1) == ("a", 1.0, 7.0)
    assert (row.low_1, row.high_1, row.feature_2, row.contribution_2) == (1.0, 2.0, "b", 0.5)
    assert (row.feature_3, row.value_3) == (None, None)


OLD_DAY = ("event_day", "device_id", "device", "records", "alerts", "alert_rate")
MARKING = ("threshold_policy", "uses_labels", "is_synthetic", "model_version")
OLD_COLUMNS = {
    "v_device_night": (
        *OLD_DAY,
        *("worst_severity", "highest_score", "incidents", "known_attacks", "known_benign"),
        *MARKING,
    ),
    "v_last_night": (
        *OLD_DAY,
        *("earlier_nights", "usual_alert_rate", "change", "worst_severity", "incidents"),
        *("top_sentence", *MARKING),
    ),
}


@pytest.mark.parametrize(("old", "new"), RENAMED_VIEWS.items())
def test_a_renamed_view_keeps_its_earlier_name(made_up: SparkSession, old: str, new: str) -> None:
    """It has the same rows in the same order, and the columns that it had under that name."""
    now, before = (run_query(made_up, f"TABLE {name}").collect() for name in (new, old))
    assert before
    columns = run_query(made_up, f"TABLE {old}").columns
    assert tuple(columns) == OLD_COLUMNS.get(old, tuple(now[0].asDict()))
    assert [tuple(row) for row in before] == [tuple(row) for row in now]


def test_the_champion_says_where_its_flags_start(made_up: SparkSession) -> None:
    """It is the model that was promoted last."""
    [champion] = run_query(made_up, "TABLE v_champion").collect()
    assert champion.model_version == "new"
    assert champion.promoted_at.astimezone(UTC) == MOMENT + timedelta(days=1)
    assert (champion.threshold_policy, champion.uses_labels) == ("benign_quantile", False)


def test_models_are_compared_on_what_both_scored(made_up: SparkSession) -> None:
    """Figures are those of the shared files alone, the area exact up to the counting in bins."""
    champion, other = run_query(made_up, "SELECT * FROM v_model_comparison").collect()
    assert (champion.model_version, other.model_version) == ("new", "old")
    assert (champion.is_champion, other.is_champion, other.champion_version) == (True, False, "new")
    # The champion has scored one file more than it shares with the other model.
    assert (champion.files, other.files, champion.records - other.records) == (4, 3, 1000)
    assert (other.records, other.flagged, other.champion_flagged) == (19, 10, 9)
    assert (other.alerts, other.champion_alerts) == (other.flagged, other.champion_flagged)
    for side, model in (("", "old"), ("champion_", "new")):
        attacks, benign = ATTACKS[model], BENIGN[model]
        area = roc_auc_score(
            [1] * sum(attacks.values()) + [0] * sum(benign.values()),
            [
                number
                for counts in (attacks, benign)
                for number, n in counts.items()
                for _ in range(n)
            ],
        )
        assert other[f"{side}roc_auc"] == pytest.approx(area, abs=1e-12)
        flagged = sum(rows for number, rows in benign.items() if number >= 5)
        assert other[f"{side}fpr"] == pytest.approx(flagged / sum(benign.values()))
        assert other[f"{side}tpr"] == 0.75
    assert other.roc_auc_error == max((2 * 1 + 2 * 3) / 2 / 40, 9 * 1 / 2 / 40)
    assert (other.fpr_promised, other.champion_fpr_promised) == (0.25, None)


def test_reasons_count_what_was_refused_twice_once(made_up: SparkSession) -> None:
    """Lines and whole files are apart, and the newest refusal gives the example."""
    rows = run_query(made_up, "SELECT * FROM v_quarantine_reasons").collect()
    assert [(row.reason, row.refused, row.files, row.lines) for row in rows] == [
        ("nul_bytes", "file", 1, 3),
        ("nul_bytes", "line", 1, 2),
    ]
    assert rows[1].example == "last"


def test_runs_show_each_stage_once_with_its_age(made_up: SparkSession) -> None:
    """The end of a stage stands for it; one that has no end is running."""
    evaluated, scored_ = run_query(made_up, "SELECT * FROM v_runs").collect()
    assert (evaluated.stage, evaluated.status, evaluated.seconds) == ("evaluate", "running", None)
    assert (scored_.status, scored_.error, scored_.seconds) == ("failed", "why", 1.5)
    age = (datetime.now(UTC) - MOMENT).total_seconds() / 3600
    assert scored_.age_hours == pytest.approx(age, abs=0.2)


def test_views_work_in_a_catalogue(made_up: SparkSession, request: pytest.FixtureRequest) -> None:
    """Made one after another under other names, they are as before."""

    def place(name: str) -> str:
        request.addfinalizer(lambda: made_up.catalog.dropGlobalTempView(name))
        return f"global_temp.{name}"

    elsewhere = made_up.newSession()
    for name in TABLES:
        made_up.table(name).createOrReplaceGlobalTempView(name)
    for name in VIEWS:
        there = elsewhere.sql(view_query(TEXTS[name], place))
        there.createOrReplaceGlobalTempView(name)
        assert there.columns == made_up.table(name).columns
    rows = elsewhere.table("global_temp.v_newest_day").collect()
    assert len(rows) == 2
    assert rows == made_up.table("v_newest_day").collect()
