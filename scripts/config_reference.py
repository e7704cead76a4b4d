"""The reference of the configuration, made of the schema and of the comments in the base file.

A comment belongs to the keys right below it, up to the next comment or blank line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

import yaml

from iotscore.bounds import in_words
from iotscore.config import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LONGEST: Final = 80


@dataclass(frozen=True)
class Key:
    """One key of the configuration.

    Attributes
    ----------
    name
        Dotted path, such as ``train.skip_rows``.
    kind
        Its type in words, with the values or the range allowed.
    comment
        What the base file says about it; empty if nothing.
    """

    name: str
    kind: str
    comment: str


def keys(base: str) -> list[Key]:
    """Return every key that holds a value, in the order of the text of ``conf/base.yaml``."""
    annotations = dict(_fields(Settings))
    return [
        Key(name, in_words(annotations[name]), comment)
        for name, comment in comments(base).items()
        if name in annotations
    ]


def comments(base: str) -> dict[str, str]:
    """Return what is said above each key of a YAML file, keys and sections by their dotted path."""
    above: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    waiting: list[str] = []
    shared = ""
    for line in base.splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip().startswith("#"):
            waiting.append(line.strip().removeprefix("#").strip())
        elif match := re.match(r"\s*(\w+):(\s|$)", line):
            if not path or path[-1][0] != indent:
                shared = ""  # the key above is of another section
            path = [*(part for part in path if part[0] < indent), (indent, match[1])]
            shared = " ".join(waiting) or shared
            waiting = []
            above[".".join(name for _, name in path)] = shared
        elif not line.strip():
            waiting, shared = [], ""
    return above


def _fields(section: type, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, annotation in get_type_hints(section, include_extras=True).items():
        if name.startswith("_"):
            continue
        kinds = [part for part in (annotation, *get_args(annotation)) if isinstance(part, type)]
        inner = [kind for kind in kinds if is_dataclass(kind)]
        if inner:
            yield from _fields(inner[0], f"{above}{name}.")
        else:
            yield f"{above}{name}", annotation


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return the values of a configuration by dotted path."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value
    return found


def page(base: str, profiles: Mapping[str, str]) -> str:
    """Return the reference as Markdown, a section per part of the configuration.

    It is made of the text of ``conf/base.yaml``, and of each profile's by its name.
    """
    defaults = flat(yaml.safe_load(base))
    others = {name: flat(yaml.safe_load(text) or {}) for name, text in profiles.items()}
    said = comments(base)
    lines = [
        "# Configuration",
        "",
        "Later layers win, key by key: [conf/base.yaml](../conf/base.yaml), the profile, each",
        "`--config FILE`, each `--set key=value`. A key that is not listed here is a fault.",
    ]
    section = None
    for key in keys(base):
        part = key.name.rpartition(".")[0]
        if part != section:
            section = part
            lines += ["", f"## {f'`{part}`' if part else 'Of the whole run'}", ""]
            if about := said.get(part):
                lines += [_cell(about), ""]
            lines += ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |"]
        default = f"`{yaml_value(defaults[key.name])}`"
        for name, values in others.items():
            if key.name in values:
                default += f"; `{name}`: `{yaml_value(values[key.name])}`"
            elif values.get(part, key) is None:
                default += f"; `{name}`: left out"
        cells = (f"`{key.name}`", default, key.kind, _cell(key.comment))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def yaml_value(value: object) -> str:
    """Return a value as it is written in YAML, on one line; of a long one the beginning."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    text = text.removesuffix("...\n").strip().replace("|", "\\|")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
