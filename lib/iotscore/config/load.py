"""Read the layers of the configuration, merge them, check the result, name every fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from iotscore.config.schema import Settings
from iotscore.errors import ConfigError


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
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_describe(error)) from error


def _profile_path(conf: Path, profile: str) -> Path:
    names = sorted(path.stem for path in (conf / "profiles").glob("*.yaml"))
    if profile not in names:
        message = f"there is no profile {profile!r}; choose one of: {', '.join(names)}"
        raise ConfigError(message)
    return conf / "profiles" / f"{profile}.yaml"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        message = f"cannot read the configuration file {path}: {reason}"
        raise ConfigError(message) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        message = f"{path} holds a {type(content).__name__}; needs key: value pairs at the top"
        raise ConfigError(message)
    return content


class _UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML in which a key that is given twice is an error, not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                message = f"the key {key!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        return super().construct_mapping(node, deep)


def _parse_assignment(assignment: str) -> dict[str, Any]:
    key, sign, text = assignment.partition("=")
    if not sign or not all(key.split(".")):
        message = f"--set {assignment!r} is not of the form key=value, such as seed=7"
        raise ConfigError(message)
    try:
        value: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = f"--set {key}: {text!r} is no YAML value"
        raise ConfigError(message) from error
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(known, value) if both else value
    return merged


def _describe(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or '(whole)'}: {_describe_fault(fault)}"
        for fault in error.errors()
    ]
    return f"the configuration has {len(faults)} fault(s): " + "; ".join(faults)


def _describe_fault(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails differs by version
    if fault["type"] == "extra_forbidden":
        return f"unknown key (value {fault['input']!r}); remove it or mend its spelling"
    if fault["type"] == "missing":
        return "missing; needs a value"
    reason = str(fault["msg"]).removeprefix("Value error, ")
    if isinstance(fault["input"], dict | list) or fault["type"] == "value_error":
        return reason
    return f"found {fault['input']!r}; {reason[0].lower()}{reason[1:]}"
