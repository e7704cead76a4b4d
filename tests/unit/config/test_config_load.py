"""Layers of configuration: what wins, what is refused, and how it is told."""

from __future__ import annotations

import shutil
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
import yaml

from iotscore.config import Settings, load_settings
from iotscore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONF = Path(__file__).resolve().parents[3] / "conf"
BASE: dict[str, Any] = yaml.safe_load((CONF / "base.yaml").read_text(encoding="utf-8"))


def keys_of_settings(section: type, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all values of the settings."""
    hints = get_type_hints(section)
    for field in fields(section):
        kind = hints[field.name]
        sections = [part for part in (kind, *get_args(kind)) if is_dataclass(part)]
        if sections:
            yield from keys_of_settings(sections[0], f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def keys_of_yaml(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all values of a YAML mapping."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from keys_of_yaml(value, f"{prefix}{name}.")
        else:
            yield prefix + name


KEYS = sorted(keys_of_settings(Settings))


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a YAML file and returns its path."""

    def write(text: str | bytes, name: str = "overlay.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_base_and_settings_have_the_same_keys() -> None:
    """base.yaml lists every key that there is, and no other."""
    assert sorted(keys_of_yaml(BASE)) == KEYS


@pytest.mark.parametrize("profile", sorted(path.stem for path in CONF.glob("profiles/*.yaml")))
def test_profiles_load_and_only_use_keys_of_base(profile: str) -> None:
    """Every shipped profile is valid, and each of its keys is one that base.yaml explains."""
    assert load_settings(CONF, profile).seed == 42
    text = (CONF / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")
    for key in keys_of_yaml(yaml.safe_load(text)):
        assert any(known == key or known.startswith(f"{key}.") for known in KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_base_lacks_is_named(key: str, tmp_path: Path) -> None:
    """There are no hidden defaults: without its line in base.yaml a key is a fault."""
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf" / "profiles" / "none.yaml").write_text("")
    content = yaml.safe_load((CONF / "base.yaml").read_text(encoding="utf-8"))
    *sections, name = key.split(".")
    section = content
    for part in sections:
        section = section[part]
    del section[name]
    (tmp_path / "conf" / "base.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=f"1 fault.*: {key}: missing; needs a value$"):
        load_settings(tmp_path / "conf", "none")


def test_paper_is_what_the_reports_say() -> None:
    """The profile of the reports has exactly the published values."""
    settings = load_settings(CONF, "paper").to_dict()
    elsewhere = (
        "ingest",
        "storage",
        "maintain",
        "protocol",
        "incidents",
        "promotion",
        "explain",
        "stream",
        "monitor",
    )
    for section in elsewhere:
        del settings[section]
    assert settings == {
        "seed": 42,
        "sample": {"fraction": 0.5},
        "train": {
            "train_share": 1.0,
            "calibration_share": 0.0,
            "gap_share": 0.0,
            "skip_rows": 0,
            "trim_share": 0.0,
            "max_train_rows": 1_000_000,
            "max_calibration_rows": 200_000,
        },
        "scaling": {
            "method": "minmax",
            "clip": 10.0,
            "out_of_range": "keep",
            "clip_margin": 0.0,
        },
        "detectors": {
            "iforest": {"weight": 0.4, "n_estimators": 100, "max_samples": "auto"},
            "lstm": {
                "weight": 0.6,
                "units": 64,
                "epochs": 10,
                "min_updates": 0,
                "sequence": "record",
                "patience": 0,
                "batch_size": 512,
                "learning_rate": 0.001,
            },
            "neighbours": None,
            "envelope": None,
        },
        "normalisation": {
            "mode": "batch_minmax",
            "blocks": 4,
            "least_device_rows": 1000,
        },
        "threshold": {"false_positive_rate": 0.05, "margin": 0.9},
        "evaluate": {
            "splits": ("train", "test"),
            "bins_per_e_fold": 4096,
            "roc_points": 200,
            "file_weights": None,
        },
    }


def test_the_smaller_report_is_one_setting_away() -> None:
    """One --set gives the 15 % sample and changes nothing else."""
    half = load_settings(CONF, "paper").to_dict()
    small = load_settings(CONF, "paper", (), ["sample.fraction=0.15"]).to_dict()
    assert small == {**half, "sample": {"fraction": 0.15}}


def test_later_layers_win(overlay: Callable[..., Path]) -> None:
    """Base, profile, overlays in order, assignments in order: the last word counts, per key."""
    first = overlay("seed: 1\nsample: {fraction: 0.1}\ntrain: {max_train_rows: 7}", "first.yaml")
    second = overlay("seed: 2\nsample: {fraction: 0.2}", "second.yaml")
    settings = load_settings(CONF, "paper", [first, second], ["seed=3", "seed=4"])
    assert settings.seed == 4
    assert settings.sample.fraction == 0.2
    assert settings.train.max_train_rows == 7
    assert settings.train.train_share == 1.0, "the profile's, beside an overlay's key"
    assert settings.scaling.out_of_range == "keep", "the base's"
    assert load_settings(CONF, "paper", [second, first]).sample.fraction == 0.1


def test_a_changed_file_is_read_again(overlay: Callable[..., Path]) -> None:
    """What is remembered of a file is its text, not its name."""
    for seed in (1, 2):
        assert load_settings(CONF, "default", [overlay(f"seed: {seed}")]).seed == seed


def test_an_empty_overlay_changes_nothing(overlay: Callable[..., Path]) -> None:
    """A file of comments is no fault."""
    plain = load_settings(CONF, "default")
    assert load_settings(CONF, "default", [overlay("# nothing yet\n")]) == plain


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("seed=7", "seed", 7),
        ("seed= 7 ", "seed", 7),
        ("sample.fraction=1", "sample.fraction", 1.0),
        ("detectors.lstm.learning_rate=1e-3", "detectors.lstm.learning_rate", 0.001),
        ("detectors.lstm.learning_rate=2.5E-04", "detectors.lstm.learning_rate", 0.00025),
        ("detectors.iforest.max_samples=512", "detectors.iforest.max_samples", 512),
        ("evaluate.splits=[train, test]", "evaluate.splits", ("train", "test")),
        ("evaluate.file_weights=a=b.csv", "evaluate.file_weights", "a=b.csv"),
        ("evaluate.file_weights=", "evaluate.file_weights", None),
        ("evaluate.file_weights=null", "evaluate.file_weights", None),
        ("evaluate={roc_points: 50}", "evaluate.roc_points", 50),
        ("ingest.patterns=['(?P<device>.*)\\.csv']", "ingest.patterns", (r"(?P<device>.*)\.csv",)),
    ],
)
def test_forms_of_set(assignment: str, path: str, value: object) -> None:
    """The value is YAML: numbers also as 1e-3, lists, null, and text with equals signs."""
    found: Any = load_settings(CONF, "default", (), [assignment])
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value)


def test_a_detector_can_be_left_out() -> None:
    """Null leaves a detector out; the weights of the others count relative to each other."""
    settings = load_settings(CONF, "paper", (), ["detectors.lstm=null", "detectors.envelope=null"])
    assert settings.detectors.weights() == {"iforest": 1.0}
    both = load_settings(CONF, "paper").detectors.weights()
    assert list(both.items()) == [("iforest", 0.4), ("lstm", 0.6)]
    found = load_settings(CONF, "default").detectors.weights()
    assert found == {"iforest": 0.0, "lstm": 0.0, "neighbours": 1 / 3, "envelope": 2 / 3}


def test_settings_do_not_change_later() -> None:
    """What was checked stays as it was checked."""
    settings = load_settings(CONF, "default")
    with pytest.raises(FrozenInstanceError):
        settings.seed = 7  # type: ignore[misc]


def test_all_faults_are_told_at_once() -> None:
    """Each fault with key, value and need, so that one round mends the file."""
    assignments = [
        "seed=-1",
        "sample.fraction=2",
        "scaling.out_of_range=wrap",
        "evaluate.splits=[test, later]",
        "nonsense.key=5",
        "ingest=5",
    ]
    with pytest.raises(ConfigError) as caught:
        load_settings(CONF, "default", (), assignments)
    message = str(caught.value)
    assert message.startswith("the configuration has 6 fault(s): ")
    for part in (
        "seed: found -1; input should be greater than or equal to 0",
        "sample.fraction: found 2; input should be less than or equal to 1",
        "scaling.out_of_range: found 'wrap'; input should be 'keep' or 'clip'",
        "evaluate.splits.1: found 'later'; input should be 'train', 'calibration' or 'test'",
        "nonsense: unknown key (value {'key': 5}); remove it or correct its spelling",
        "ingest: found 5; needs key: value pairs",
    ):
        assert part in message
    assert "\n" not in message


def test_a_horizon_below_a_day_has_to_be_allowed() -> None:
    """Readers have a week, Delta's own measure; one number alone cannot take it from them."""

    def hours(*assignments: str) -> int:
        return load_settings(CONF, "default", (), assignments).maintain.vacuum_hours

    assert (hours(), hours("maintain.vacuum_hours=24")) == (168, 24)
    with pytest.raises(ConfigError, match="vacuum_hours is 23; below 24 a reader may lose"):
        hours("maintain.vacuum_hours=23")
    assert hours("maintain.vacuum_hours=0", "maintain.allow_short_vacuum=true") == 0
