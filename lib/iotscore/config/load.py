"""Read the layers of the configuration, merge them, check the result, name every fault."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from iotscore.config.settings import Settings
from iotscore.config.yaml import MOST_LEVELS, parse_yaml
from iotscore.errors import ConfigError, did_you_mean, nearest, one_line
from iotscore.redaction import MASK, looks_secret, masked_values

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN_LIMIT: Final = 80
_ADAPTER: Final = TypeAdapter(Settings)
_NEEDS: Final = {
    "dataclass_type": "needs key: value pairs",
    "tuple_type": "input should be a valid list",
    "too_short": (
        "list should have at least {min_length} item after validation, not {actual_length}"
    ),
}
"""Where pydantic speaks of Python or JSON, by the type of the fault."""


def load_settings(
    conf: Path, profile: str, overlays: Sequence[Path] = (), assignments: Sequence[str] = ()
) -> Settings:
    """Merge base, profile, overlays and assignments; later layers win key by key.

    Parameters
    ----------
    conf
        Folder with ``base.yaml`` and ``profiles/``.
    profile
        Name of a file in ``profiles/``, without its ending.
    overlays
        Further YAML files.
    assignments
        ``dotted.key=value`` pairs; the value is read as YAML.

    Raises
    ------
    ConfigError
        A layer cannot be read, or the whole has faults; all of them are listed.
    """
    merged: dict[str, Any] = {}
    for path in [conf / "base.yaml", _profile_path(conf, profile), *overlays]:
        merged = _merge(merged, _read_yaml(path))
    for assignment in assignments:
        merged = _merge(merged, _parse_assignment(assignment))
    return checked_settings(merged)


def checked_settings(content: Mapping[str, Any]) -> Settings:
    """Return the settings that a merged configuration gives.

    Raises
    ------
    ConfigError
        It has faults; all of them are listed.
    """
    # Where types are strict, validate_python takes no dictionary for a dataclass.
    text = json.dumps(content, ensure_ascii=False).encode(errors="replace")
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise ConfigError(_describe(error, content)) from error


def _profile_path(conf: Path, profile: str) -> Path:
    names = sorted(path.stem for path in (conf / "profiles").glob("*.yaml"))
    if not names:
        message = f"there is no configuration in {conf}; needs base.yaml and profiles/NAME.yaml"
        raise ConfigError(message)
    if profile not in names:
        message = (
            f"there is no profile {profile!r}{did_you_mean(profile, names)}; choose one of: "
            f"{', '.join(names)}"
        )
        raise ConfigError(message)
    return conf / "profiles" / f"{profile}.yaml"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        message = f"cannot read the configuration file {path}: {error}"
        raise ConfigError(one_line(message)) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        message = f"{path} holds a {type(content).__name__}; needs key: value pairs at the top"
        raise ConfigError(message)
    return content


def _parse_assignment(assignment: str) -> dict[str, Any]:
    key, sign, text = assignment.partition("=")
    parts = key.split(".")
    if not sign or not all(parts):
        message = f"--set {_shown(assignment)} is not of the form key=value, such as seed=7"
        raise ConfigError(message)
    if len(parts) > MOST_LEVELS:
        message = f"--set {_shown(key)} has {len(parts)} parts; needs {MOST_LEVELS} or fewer"
        raise ConfigError(message)
    try:
        value: Any = parse_yaml(text)
    except ValueError as error:
        reason = MASK if looks_secret(key) else f"{_shown(text)} is no YAML value: {error}"
        message = f"--set {_short(key)}: {reason}"
        raise ConfigError(one_line(message)) from error
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(known, value)
        else:
            merged[key] = value
    return merged


def _describe(error: ValidationError, merged: Mapping[str, Any]) -> str:
    by_key: dict[str, list[Any]] = {}
    for fault in error.errors(include_url=False):
        by_key.setdefault(_key_of(fault, merged), []).append(fault)
    faults = [
        f"{key}: {_describe_fault(first)}" + "".join(f", or {_need(fault)}" for fault in others)
        for key, (first, *others) in by_key.items()
    ]
    return one_line(f"the configuration has {len(faults)} fault(s): " + "; ".join(faults))


def _key_of(fault: Any, merged: Mapping[str, Any]) -> str:  # noqa: ANN401 - as below
    """Return the dotted key of a fault, without the alternatives that pydantic adds to it."""
    if fault["type"] == "missing":
        return ".".join(map(str, fault["loc"]))
    value: Any = merged
    parts: list[str] = []
    for part in fault["loc"]:
        is_item = isinstance(value, list) and isinstance(part, int)
        if not is_item and not (isinstance(value, Mapping) and part in value):
            break
        parts.append(str(part))
        value = value[part]
    return _short(".".join(parts)) or "(whole)"


def _describe_fault(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails differs by version
    if fault["type"] == "unexpected_keyword_argument":
        near = _nearest(fault["loc"])
        advice = f"did you mean {near}?" if near else "remove it or correct its spelling"
        return f"unknown key (value {_value(fault)}); {advice}"
    if fault["type"] == "missing":
        return "missing; needs a value"
    if fault["type"] == "value_error":
        return str(fault["msg"]).removeprefix("Value error, ")
    return f"found {_value(fault)}; {_need(fault)}"


def _nearest(place: Sequence[Any]) -> str | None:
    """Return the key of the same section that is spelt most like an unknown one."""
    section: Any = Settings
    for part in place[:-1]:
        kind = get_type_hints(section)[part]
        section = next(one for one in (kind, *get_args(kind)) if is_dataclass(one))
    return next(iter(nearest(str(place[-1]), get_type_hints(section))), None)


def _value(fault: Any) -> str:  # noqa: ANN401 - as above
    is_secret = any(looks_secret(str(part)) for part in fault["loc"])
    return MASK if is_secret else _shown(masked_values(fault["input"]))


def _need(fault: Any) -> str:  # noqa: ANN401 - as above
    if own := _NEEDS.get(fault["type"]):
        return own.format(**fault.get("ctx", {}))
    return str(fault["msg"][0]).lower() + str(fault["msg"][1:])


def _shown(value: object) -> str:
    return _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_LIMIT else f"{text[:_SHOWN_LIMIT]}..."
