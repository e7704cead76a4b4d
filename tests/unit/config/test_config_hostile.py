"""Configuration that means harm, or is noise: one line of a ConfigError, quickly, and no more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, SecretStr

from iotscore.config import Settings, load_settings
from iotscore.config.yaml import MOST_BYTES
from iotscore.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"
DEFAULT = load_settings(CONF, "default")


def told(*assignments: str, overlay: Path | None = None) -> str:
    """Return the message of the ConfigError that loading must end in, at once."""
    start = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        load_settings(CONF, "default", [overlay] if overlay else [], assignments)
    assert time.monotonic() - start < 5
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message


def bomb(join: str, levels: int, width: int) -> str:
    """Return YAML in which each level repeats the one before it."""
    lines = ["a0: &a0 {k: 1}" if "<<" in join else "a0: &a0 [x]"]
    for level in range(1, levels):
        parts = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} " + join.format(parts))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb("[{}]", 12, 10), "its aliases stand for"),
        (bomb("{{<<: [{}]}}", 12, 10), "its aliases stand for"),
        (bomb("[{}]", 60, 2), "its aliases stand for"),
        ("patterns: &p [" + "x, " * 200 + "]\nall: [" + "*p, " * 200 + "]", "its aliases stand"),
        ("a: &a [*a, *a]", "a value refers to itself"),
        ("a: &a {b: {c: *a}}", "a value refers to itself"),
        ("a: &a {<<: *a}", "a value refers to itself"),
        ("[" * 21 + "]" * 21, "nested more than 20 levels deep"),
        ("a: " + "{b: " * 30 + "1" + "}" * 30, "nested more than 20 levels deep"),
        ("- " * 5000 + "a", "nested more than 20 levels deep"),
        ("x" * (MOST_BYTES + 1), f"it has more than {MOST_BYTES} bytes"),
        ("seed: !!bool x", "a value does not fit its tag"),
        ("seed: !!timestamp x", "a value does not fit its tag"),
        ("seed: !!int ''", "a value does not fit its tag"),
        ("seed: !!float ''", "a value does not fit its tag"),
        ("seed: !!map [1]", "expected a mapping node"),
        ("seed: !!set x", "expected a mapping node"),
        ("seed: !!binary é", "failed to convert base64 data"),
        ("seed: 0x" + "f" * 5000, "a whole number has more than 64 bits"),
        ("seed: 1" + ":59" * 3000, "a whole number has more than 64 bits"),
        ("seed: 1" + ":59" * 3000 + ".5", "too large to convert to float"),
        ("seed: !!python/object:os.system {}", "could not determine a constructor"),
        ("seed: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("seed: !!python/module:os", "could not determine a constructor"),
        ("seed: !!python/tuple [1]", "could not determine a constructor"),
        ("!!python/object/new:os.system [ls]: 1", "could not determine a constructor"),
        ("seed: !mine x", "could not determine a constructor"),
        ("%TAG ! tag:yaml.org,2002:python/\n---\nseed: !name:os.system", "could not determine"),
        ("? null\n: 1\n", "found None; keys should be strings"),
        ("true: 1\n", "found True; keys should be strings"),
        ("2026-11-21: 1\n", "keys should be strings"),
        ("1.5: 1\n", "found 1.5; keys should be strings"),
        ("!!binary YWJj: 1\n", "b'abc'"),
        ("train: {7: 1}\n", "train.7: found 7; keys should be strings"),
        ("train: {max_train_rows: 1, <<: {max_train_rows: 2}, <<: {q: 1}}", "train.q: unknown key"),
        ('"a\\nb\\e[31m": 1', r"a\nb\x1b[31m: unknown key"),
        ('"\\uD800": 1', "unable to parse raw data as a unicode string"),
        ('seed: "\\uD800"', "seed: "),
        ("__class__: 1", "__class__: unknown key"),
        ("model_config: {extra: allow}", "model_config: unknown key"),
    ],
)
def test_a_hostile_file_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    """Bombs, tags, keys of any type and endless numbers are told, and take no time."""
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    assert message in told(overlay=path)


def test_a_file_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    """The limit holds before memory is taken."""
    path = tmp_path / "mine.yaml"
    path.symlink_to("/dev/zero")
    assert f"it has more than {MOST_BYTES} bytes" in told(overlay=path)


def test_aliases_within_the_bounds_are_fine(tmp_path: Path) -> None:
    """What people write to save repetition is far from every limit."""
    path = tmp_path / "mine.yaml"
    path.write_text("ingest: {patterns: &p ['(?P<device>.*)', " + "'(?P<device>a)', " * 500 + "]}")
    assert len(load_settings(CONF, "default", [path, path]).ingest.patterns) == 501


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
        ".".join("a" * 5000) + "=1",
        "a" * 5000 + "=1",
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


NOISE = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "&a ",
                "*a",
                "<<: ",
                ": ",
                "- ",
                "!!",
                "!!int ",
                "!!set ",
                "!!omap ",
                "!!pairs ",
            ),
            *(
                "!!pairs ",
                "!!binary ",
                "!!timestamp ",
                "!!float ",
                "!!bool ",
                "!!null ",
                "seed",
                "train",
                "1",
            ),
            *("0x", "1:1", ".inf", "1e", "2026-01-01", "\t", "\x00", "---\n"),
            *"{}[]:,-?&*!|>%@`'\"\n #",
        ]
    ),
    max_size=14,
).map("".join)


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


def plain_secrets(model: type[BaseModel]) -> list[str]:
    """Return the keys whose names say secret and whose type does not hide it."""
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += plain_secrets(kind)
        elif any(word in name for word in ("password", "secret", "token", "key")):
            found += [name] * (kind not in (SecretStr, SecretStr | None))
    return found


class Plain(BaseModel):
    """A section as somebody might add it."""

    model_config = ConfigDict(extra="forbid")
    api_token: str


class Hidden(BaseModel):
    """The same as it must be."""

    api_token: SecretStr
    storage_key: SecretStr | None = None


class Nested(BaseModel):
    """Sections of both kinds."""

    plain: Plain
    hidden: Hidden


def test_secret_keys_have_a_secret_type() -> None:
    """A key named like a secret is a SecretStr, which every dump of the settings masks."""
    assert plain_secrets(Nested) == ["api_token"]
    assert plain_secrets(Settings) == []
    dumped = Hidden(api_token=SecretStr("swordfish")).model_dump(mode="json")
    assert "swordfish" not in str(dumped)


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
