"""Configuration that is odd, or noise: one line of a ConfigError, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.config import load_settings
from iotscore.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"
DEFAULT = load_settings(CONF, "default")


def told(*assignments: str, overlay: Path | None = None) -> str:
    """Return the message of the ConfigError that loading must end in."""
    with pytest.raises(ConfigError) as caught:
        load_settings(CONF, "default", [overlay] if overlay else [], assignments)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a, *a]", "Circular reference"),
        ("a: &a {b: {c: *a}}", "Circular reference"),
        ("a: &a {<<: *a}", "a: unknown key"),
        pytest.param("- " * 5000 + "a", "nested more than 50 levels deep", id="5,000 levels"),
        pytest.param("- " * 200_000 + "a", "nested more than 50 levels deep", id="200,000 levels"),
        ("seed: " + "[" * 50 + "]" * 50, "nested more than 50 levels deep"),
        ("seed: " + "[" * 49 + "]" * 49, "seed: found [[["),
        ("seed: !!bool x", "a value does not fit its tag"),
        ("seed: !!timestamp x", "a value does not fit its tag"),
        ("seed: !!int ''", "a value does not fit its tag"),
        ("seed: !!float ''", "a value does not fit its tag"),
        ("seed: !!map [1]", "a value does not fit its tag"),
        ("seed: !!set x", "not enough values"),
        ("seed: !!binary é", "failed to convert base64 data"),
        ("seed: 0x" + "f" * 5000, "Exceeds the limit (4300 digits)"),
        ("seed: 1" + ":59" * 3000, "Exceeds the limit (4300 digits)"),
        ("seed: 1" + ":59" * 3000 + ".5", "too large to convert to float"),
        ("seed: !!python/object:os.system {}", "could not determine a constructor"),
        ("seed: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("seed: !!python/module:os", "could not determine a constructor"),
        ("seed: !!python/tuple [1]", "could not determine a constructor"),
        ("!!python/object/new:os.system [ls]: 1", "could not determine a constructor"),
        ("seed: !mine x", "could not determine a constructor"),
        ("%TAG ! tag:yaml.org,2002:python/\n---\nseed: !name:os.system", "could not determine"),
        ("? null\n: 1\n", "null: unknown key"),
        ("true: 1\n", "true: unknown key"),
        ("2026-11-21: 1\n", "a key is no text"),
        ("1.5: 1\n", "1.5: unknown key"),
        ("!!binary YWJj: 1\n", "a key is no text"),
        ("train: {7: 1}\n", "train.7: unknown key"),
        ("train: {max_train_rows: 1, <<: {max_train_rows: 2}, <<: {q: 1}}", "train.q: unknown key"),
        ('"a\\nb\\e[31m": 1', r"a\nb\x1b[31m: unknown key"),
        ('"\\uD800": 1', "invalid Unicode character escape code"),
        ('seed: "\\uD800"', "invalid Unicode character escape code"),
        ("__class__: 1", "__class__: unknown key"),
        ("model_config: {extra: allow}", "model_config: unknown key"),
    ],
)
def test_an_odd_file_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    """Tags, keys of any type, values that refer to themselves and endless numbers are refused."""
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    assert message in told(overlay=path)


@pytest.mark.parametrize(
    "assignment",
    [
        "__class__=1",
        "__dict__.seed=1",
        "seed.__class__=1",
        "detectors.__init__=1",
        "detectors.lstm.__class__.__name__=x",
        "detectors.lstm.model_config.extra=allow",
        "detectors.lstm.weights=1",
        "model_config={extra: allow}",
        "model_fields.seed=1",
        "train.train_share.real=1",
        "ingest.patterns.0=x",
        "evaluate.splits.append=x",
        "storage.direct.x.y.z=1",
        "Detectors.lstm.units=3",
        " seed=1",
        "seed =1",
        "se\ned=1",
        "s\u00e9ed=1",
        "seed\x00=1",
        "seed\udcff=1",
        "a" * 5000 + "=1",
        pytest.param("a." * 5000 + "a=1", id="5,001 parts"),
        "a." * 49 + "a=1",
        "train={__class__: 1}",
        "seed=!!python/name:os.system",
        "seed=0x" + "f" * 5000,
        "seed=-0x" + "f" * 17,
        "seed=1e400",
        "evaluate.bins_per_e_fold=0",
        "ingest.quarantine_text_limit=-99999999999999999",
    ],
)
def test_set_reaches_declared_keys_only(assignment: str) -> None:
    """At no depth does a key that the schema does not declare do anything but fail."""
    told(assignment)
    assert load_settings(CONF, "default") == DEFAULT


def keys_of(content: dict[str, Any], above: str = "") -> set[str]:
    """Return the dotted names of all sections and values."""
    found = set()
    for key, value in content.items():
        found.add(above + key)
        if isinstance(value, dict):
            found |= keys_of(value, f"{above}{key}.")
    return found


BASE: dict[str, Any] = yaml.safe_load((CONF / "base.yaml").read_text(encoding="utf-8"))
KEYS = sorted(keys_of(BASE))
PART = st.sampled_from(sorted({part for key in KEYS for part in key.split(".")})) | st.text(
    st.characters(exclude_characters="=."), min_size=1, max_size=8
)


@settings(max_examples=300)
@given(st.lists(PART, min_size=1, max_size=5), st.sampled_from(["1", "null", "x", "{}", "[]"]))
def test_no_undeclared_key_is_set(parts: list[str], value: str) -> None:
    """Any path of known and unknown names that is no key of base.yaml is refused in one line."""
    key = ".".join(parts)
    if key not in KEYS:
        told(f"{key}={value}")


WORDS = ["a", "&a ", "*a", "<<: ", ": ", "- ", "seed", "train", "1", "0x", "1:1", ".inf", "1e"]
TAGS = ["int", "set", "omap", "pairs", "binary", "timestamp", "float", "bool", "null"]
PARTS = [*WORDS, "!!", *(f"!!{tag} " for tag in TAGS), "2026-01-01", "\t", "\x00", "---\n"]
SIGNS = "{}[]:,-?&*!|>%@`'\"\n #"
NOISE = st.text(max_size=60) | st.lists(st.sampled_from([*PARTS, *SIGNS]), max_size=14).map("".join)


@settings(max_examples=100)
@given(NOISE)
def test_no_text_fails_otherwise(text: str) -> None:
    """Whatever stands behind --set is a setting, or a ConfigError in one line."""
    for assignment in (text, f"seed={text}", f"train={text}", f"{text}=1"):
        try:
            load_settings(CONF, "default", (), [assignment])
        except ConfigError as error:
            assert str(error).isprintable()  # noqa: PT017 - a setting may come out as well


# --- secrets


def test_no_setting_is_a_secret() -> None:
    """Settings are stored with each model: secrets come by the name of a variable."""
    words = ("password", "secret", "token", "key")
    assert [key for key in KEYS if any(word in key for word in words)] == []


@pytest.mark.parametrize(
    "assignment",
    [
        "password=swordfish",
        "storage.secret_key=swordfish",
        "storage={secret_key: swordfish}",
        "seed={deep: [{token: swordfish}]}",
        "storage.password=[swordfish",
        "seed.aws_access_key_id=swordfish",
    ],
)
def test_a_fault_does_not_show_a_secret(assignment: str) -> None:
    """The value of a key that is named like one is not repeated, known key or not."""
    message = told(assignment)
    assert "swordfish" not in message
    assert "***" in message
