"""YAML as configuration files hold it: the values that JSON has, and no key twice."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML without libyaml: slower, otherwise the same
    from yaml import SafeLoader  # type: ignore[assignment]

MOST_LEVELS: Final = 50
"""Levels of lists and mappings in each other, far more than the settings have."""

_MERGE: Final = "tag:yaml.org,2002:merge"
_OF_A_TAG: Final = (AttributeError, LookupError, TypeError)
"""PyYAML lets these through for texts such as ``!!bool x``."""
_OF_A_VALUE: Final = (yaml.YAMLError, ArithmeticError, RecursionError, ValueError)
"""The last two also for a number that is too long, or a value that refers to itself."""


@lru_cache(maxsize=32)
def parse_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the values of a YAML document; dates are texts, as in YAML 1.2, and so is each key.

    The same text gives the same objects again: the caller must not change them.

    Raises
    ------
    ValueError
        It is no YAML, gives a key twice, or holds what JSON cannot; the message is one line.
    """
    try:
        _check_levels(text)
        values = yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
        return json.loads(json.dumps(values, ensure_ascii=False, default=str).encode())
    except _OF_A_TAG as error:
        message = "a key is no text, or a value does not fit its tag"
        raise ValueError(message) from error
    except _OF_A_VALUE as error:
        raise ValueError(" ".join(str(error).split())) from error


def _check_levels(text: str) -> None:
    """Refuse deep nesting, at which the recursion of libyaml's composer kills the process."""
    level = 0
    for event in yaml.parse(text, _StrictLoader):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            message = f"nested more than {MOST_LEVELS} levels deep"
            raise ValueError(message)


class _StrictLoader(SafeLoader):
    """Safe YAML in which a key that is given twice is an error, not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        known: list[Any] = []
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node)
            if key in known:
                message = f"the key {key!r} is given twice"
                raise ConstructorError(None, None, message, key_node.start_mark)
            known.append(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a dot in a number with an exponent and reads 1e-3 as text; YAML 1.2 does not.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)
