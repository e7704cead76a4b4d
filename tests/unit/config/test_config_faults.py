"""What the configuration refuses, one fault at a time, and files that are no configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotscore.config import load_settings
from iotscore.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"


def told(*assignments: str, overlay: Path | None = None, profile: str = "default") -> str:
    """Return the message of the ConfigError that loading must end in."""
    with pytest.raises(ConfigError) as caught:
        load_settings(CONF, profile, [overlay] if overlay else [], assignments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed=4294967296", "seed: found 4294967296; input should be less than 4294967296"),
        ("seed=true", "seed: found True; input should be a valid integer"),
        ("seed='7'", "seed: found '7'; input should be a valid integer"),
        ("seed=7.0", "seed: found 7.0; input should be a valid integer"),
        ("seed=", "seed: found None; input should be a valid integer"),
        ("seed=[1, 2]", "seed: found [1, 2]; input should be a valid integer"),
        ("sample.fraction=0", "sample.fraction: found 0; input should be greater than 0"),
        ("sample.fraction=.nan", "sample.fraction: found nan; input should be a finite number"),
        (
            "detectors.lstm.learning_rate=.inf",
            "detectors.lstm.learning_rate: found inf; input should be a finite number",
        ),
        ("scaling.clip_margin=-0.1", "scaling.clip_margin: found -0.1"),
        (
            "threshold.false_positive_rate=1.0",
            "threshold.false_positive_rate: found 1.0; input should be less than 1",
        ),
        ("threshold.margin=0", "threshold.margin: found 0; input should be greater than 0"),
        ("scaling.clip=0", "scaling.clip: found 0; input should be greater than 0"),
        ("normalisation.blocks=1", "normalisation.blocks: found 1; input should be greater than"),
        ("train.gap_share=0.3", "train.gap_share: found 0.3; input should be less than or equal"),
        ("evaluate.roc_points=2", "evaluate.roc_points: found 2; input should be greater than or"),
        ("evaluate.splits=[]", "evaluate.splits: found []; list should have at least 1 item"),
        ("evaluate.splits=test", "evaluate.splits: found 'test'; input should be a valid list"),
        ("ingest.chunk_megabytes=0", "ingest.chunk_megabytes: found 0"),
        ("ingest.patterns=[]", "ingest.patterns: found []"),
        ("ingest.patterns=['(']", "ingest.patterns: '(' is no regular expression"),
        ("ingest.patterns=['a{99999999999}']", "is no regular expression"),
        ("ingest.patterns=['x']", "ingest.patterns: 'x' needs a group named device_id or device"),
        (
            "detectors.iforest.max_samples=0",
            "detectors.iforest.max_samples: found 0; input should be 'auto', or input should be gr",
        ),
        ("detectors.iforest.max_samples=[1]", "detectors.iforest.max_samples: found [1]"),
        ("detectors.iforest.max_samples={a: 1}", "detectors.iforest.max_samples: found {'a': 1}"),
        (
            "detectors={neighbours: null, envelope: null}",
            "detectors: the weights are {'iforest': 0.0, 'lstm': 0.0}; at least one must be above",
        ),
        (
            "detectors={lstm: null, iforest: null, neighbours: null, envelope: null}",
            "detectors: no detector is left",
        ),
        ("detectors.lstm.weight=-0.1", "detectors.lstm.weight: found -0.1"),
        ("detectors.knn={weight: 1}", "detectors.knn: unknown key"),
        ("train.train_share=0.8", "train_share + calibration_share is 1.13333; at most 1"),
        ("train.calibration_share=0", "(whole): train.calibration_share is 0, but normalisation"),
        ("normalisation.mode=frozen", "normalisation.mode: found 'frozen'"),
        ("normalisation.lower_quantile=0.5", "normalisation.lower_quantile: unknown key"),
        ("incidents.window=4", "least_window is 5, window 4, most_window 201; they must not fall"),
        ("Seed=1", "Seed: unknown key (value 1); did you mean seed?"),
        ("seed.deep=1", "seed: found {'deep': 1}; input should be a valid integer"),
        ("evaluate.file_weights=[" + "x, " * 500 + "]", "..."),
    ],
)
def test_a_bad_value_is_told(assignment: str, message: str) -> None:
    """A value that cannot be is told with its key, what was found and what was needed."""
    found = told(assignment)
    assert message in found
    assert found.startswith("the configuration has 1 fault(s): ")
    assert len(found) < 400


def test_shares_that_add_up_to_one_are_no_fault() -> None:
    """Rounding in the sum of two decimal shares must not refuse them."""
    for hundredths in range(1, 100):
        shares = [hundredths / 100, (100 - hundredths) / 100]
        load_settings(
            CONF,
            "default",
            (),
            [f"train.train_share={shares[0]}", f"train.calibration_share={shares[1]}"],
        )


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed", "--set 'seed' is not of the form key=value, such as seed=7"),
        ("", "--set '' is not of the form"),
        ("=7", "--set '=7' is not of the form"),
        ("a..b=7", "--set 'a..b=7' is not of the form"),
        ("a." * 50 + "a=7", "has 51 parts; needs 50 or fewer"),
        (".seed=7", "is not of the form"),
        ("seed=: :", "--set seed: ': :' is no YAML value"),
        ("seed=[1", "is no YAML value"),
        ("seed=&a [*a]", "--set seed: '&a [*a]' is no YAML value: Circular reference"),
        ("seed=2026-13-45", "--set seed: '2026-13-45' is no YAML value: month must be in 1..12"),
        ("seed=!!int abc", "is no YAML value"),
        ("seed=" + "9" * 5000, "is no YAML value"),
        ("seed=" + "[" * 5000, "is no YAML value"),
        ("train={train_share: 1, train_share: 2}", "the key 'train_share' is given twice"),
        ("seed=!!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_a_bad_assignment_is_told(assignment: str, message: str) -> None:
    """An assignment that cannot be read is told as typed, and never run."""
    found = told(assignment)
    assert message in found
    assert len(found) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", "the key 'seed' is given twice in \"<unicode string>\", line 2"),
        (
            "train:\n  train_share: 0.1\n  train_share: 0.2\n",
            "'train_share' is given twice in \"<unicode string>\", line 3",
        ),
        ("a: {b: {c: 1, c: 2}}", "the key 'c' is given twice"),
        ("seed: [1\n", "cannot read the configuration file"),
        ("seed: 1\n\tsample: 2\n", "cannot read the configuration file"),
        ("seed: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("seed: !!python/name:os.system\n", "could not determine a constructor"),
        ("!!python/object/new:dict {}\n", "could not determine a constructor"),
        ("? [a]\n: 1\n", "unhashable key"),
        ("- seed\n", "holds a list; needs key: value pairs at the top"),
        ("seed\n", "holds a str; needs key: value pairs at the top"),
        ("7\n", "holds a int; needs key: value pairs at the top"),
        ("--- {}\n--- {}\n", "expected a single document"),
        ("seed: 2026-02-30\n", "day is out of range for month"),
        ("7: 1\n", "7: unknown key (value 1)"),
        ("train: &a {again: *a}\n", "Circular reference"),
        (b"seed: \xff\n", "cannot read the configuration file"),
        (b"seed: 1\x00\n", "cannot read the configuration file"),
        ("[" * 5000, "cannot read the configuration file"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    """Broken, doubled or dangerous YAML is one line that says what is wrong."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = told(overlay=path)
    assert message in found
    assert "mine.yaml" in found or found.startswith("the configuration has")


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    """Plain YAML that saves repetition is no fault, and does not count as a doubled key."""
    path = tmp_path / "mine.yaml"
    path.write_text("train: &part {max_train_rows: 5, max_calibration_rows: 6}\n")
    assert load_settings(CONF, "default", [path]).train.max_train_rows == 5
    path.write_text("train:\n  <<: &part {max_train_rows: 5}\n  max_calibration_rows: 6\n")
    assert load_settings(CONF, "default", [path]).train.max_train_rows == 5


@pytest.mark.parametrize("name", ["missing.yaml", "folder"])
def test_a_file_that_cannot_be_opened_is_told(name: str, tmp_path: Path) -> None:
    """A missing overlay, or a folder in its place, is named."""
    (tmp_path / "folder").mkdir()
    found = told(overlay=tmp_path / name)
    assert f"cannot read the configuration file {tmp_path / name}" in found


@pytest.mark.parametrize("profile", ["nope", "", "../base", "default.yaml"])
def test_an_unknown_profile_is_told(profile: str) -> None:
    """The message lists the profiles that there are; a path is no profile."""
    close = " (did you mean default?)" if profile == "default.yaml" else ""
    assert told(profile=profile) == (
        f"there is no profile {profile!r}{close}; choose one of: default, paper"
    )


def test_a_missing_conf_folder_is_told(tmp_path: Path) -> None:
    """Without any configuration the message names the folder, not the profile."""
    with pytest.raises(ConfigError, match="there is no configuration in") as caught:
        load_settings(tmp_path, "default")
    assert str(tmp_path) in str(caught.value)
