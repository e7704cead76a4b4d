"""YAML as configuration files hold it: the values that JSON has, and no key twice."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

_MERGE: Final = "tag:yaml.org,2002:merge"
_OF_A_TAG: Final = (AttributeError, LookupError, TypeError)
"""PyYAML lets these through for texts such as ``!!bool x``."""
_OF_A_VALUE: Final = (yaml.YAMLError, ArithmeticError, RecursionError, ValueError)
"""The last two also for a number that is too long, or a value that refers to itself."""


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the values of a YAML document; dates are texts, as in YAML 1.2, and so is each key.

    Raises
    ------
    ValueError
        It is no YAML, gives a key twice, or holds what JSON cannot; the message is one line.
    """
    try:
        values = yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
        return json.loads(json.dumps(values, ensure_ascii=False, default=str).encode())
    except _OF_A_TAG as error:
        message = "a key is no text, or a value does not fit its tag"
        raise ValueError(message) from error
    except _OF_A_VALUE as error:
        raise ValueError(" ".join(str(error).split())) from error


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key that is given twice is an error, not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key) for key, _ in node.value if key.tag != _MERGE]
        for key in keys:
            if keys.count(key) > 1:
                message = f"the key {key!r} is given twice"
                raise ConstructorError(None, None, message, node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a dot in a number with an exponent and reads 1e-3 as text; YAML 1.2 does not.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)
