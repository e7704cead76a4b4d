"""YAML that somebody else may have written: plain values, no key twice, and bounds on its size."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

MOST_BYTES: Final = 256_000
"""Size of a configuration file; ``conf/base.yaml`` has a fiftieth of it."""
_MOST_VALUES: Final = 10_000
"""Values after aliases are followed: a few lines of them can stand for more than fits in memory."""
MOST_LEVELS: Final = 20
_MOST_BITS: Final = 64

_OF_A_TAG: Final = (AttributeError, LookupError, TypeError)
"""PyYAML lets these through for texts such as ``!!bool x``."""
_OF_A_VALUE: Final = (yaml.YAMLError, ArithmeticError, RecursionError, ValueError)
"""The last two also for a date or a number that looks like one and is none."""


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the plain values of a YAML document.

    Raises
    ------
    ValueError
        It is no YAML, gives a key twice, refers to itself, or is too large, deep or long; the
        message is one line.
    """
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
    except _OF_A_TAG as error:
        message = "a value does not fit its tag"
        raise ValueError(message) from error
    except _OF_A_VALUE as error:
        raise ValueError(" ".join(str(error).split())) from error


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key that is given twice is an error, not silently the last one."""

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's signature
        self._level += 1
        if self._level > MOST_LEVELS:
            message = f"it is nested more than {MOST_LEVELS} levels deep"
            raise ConstructorError(None, None, message)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def construct_document(self, node: yaml.Node) -> Any:  # noqa: ANN401 - as above
        if (size := _size(node, {})) > _MOST_VALUES:
            message = f"its aliases stand for {size} values, and {_MOST_VALUES} are allowed"
            raise ConstructorError(None, None, message, node.start_mark)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as above
        keys = [
            self.construct_object(key, deep=True)
            for key, _ in (node.value if node.id == "mapping" else ())  # a tag may lie
            if key.tag != "tag:yaml.org,2002:merge"
        ]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                message = f"the key {key!r} is given twice"
                raise ConstructorError(None, None, message, node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value: int = super().construct_yaml_int(node)
        if value.bit_length() > _MOST_BITS:
            message = f"a whole number has more than {_MOST_BITS} bits"
            raise ConstructorError(None, None, message, node.start_mark)
        return value


_StrictLoader.add_constructor("tag:yaml.org,2002:int", _StrictLoader.construct_yaml_int)
# YAML 1.1 wants a dot in a number with an exponent and reads 1e-3 as text; YAML 1.2 does not.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Count the values below a node, those behind an alias each time; 0 means not yet known."""
    if id(node) not in sizes:
        sizes[id(node)] = 0
        below = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = below if isinstance(node, yaml.MappingNode) else ((part,) for part in below)
        sizes[id(node)] = 1 + sum(_size(part, sizes) for pair in pairs for part in pair)
    elif not sizes[id(node)]:
        message = "a value refers to itself"
        raise ConstructorError(None, None, message, node.start_mark)
    return sizes[id(node)]
