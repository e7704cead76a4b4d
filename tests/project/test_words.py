"""Texts for readers use the field's terms; docs/glossary.md defines them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
AVOIDED: Final = {
    # Terms that stood beside the field's own one for the same thing.
    r"fused scores?": "hybrid score",
    r"false alarms?": "false positive",
    r"promised (?:rate|share|false positive rate)|the promise": "target false positive rate",
    r"the reports'": "the published baselines'",
    r"last night|tonight|each night": "the newest day, or each run",
    # Phrases of this project alone.
    r"mend(?:s|ed|ing)?": "correct, fix",
    r"anew": "again",
    r"tak(?:e|es|en|ing) up|took up": "process, ingest",
    r"lets? (?:\w+ )?go": "delete, expire",
    r"dealt (?:out|over)": "spread over",
    r"attacks that take care": "evasive attacks",
}
"""Patterns of words and phrases, and what to write instead."""
_LITERAL: Final = re.compile(r"```.*?```|`[^`\n]*`|--anew\b|\"[^\"\n]*\"", re.DOTALL)
"""Code, options, and what a document quotes: others' words."""


def texts() -> Iterator[tuple[str, str]]:
    """Yield name and text of what people read: documents, templates, settings, messages."""
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy" / "README.md"]
    for path in [*documents, *sorted((ROOT / "docs").rglob("*.md"))]:
        yield path.name, _LITERAL.sub("", path.read_text(encoding="utf-8"))
    for path in [*sorted((ROOT / "conf").rglob("*.sql")), ROOT / "conf" / "base.yaml"]:
        yield path.name, "\n".join(re.findall(r"(?:--|#) .*", path.read_text(encoding="utf-8")))
    for path in sorted((ROOT / "lib").rglob("*.j2")):
        yield path.name, path.read_text(encoding="utf-8")
    for path in [*sorted((ROOT / "lib").rglob("*.py")), *sorted((ROOT / "jobs").glob("*.py"))]:
        yield path.name, "\n".join(messages(path.read_text(encoding="utf-8")))


def messages(source: str) -> Iterator[str]:
    """Yield the texts in a module that are no docstrings: messages, help texts, log lines."""
    tree = ast.parse(source)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documented and " " in node.value:
            yield _LITERAL.sub("", node.value)


@pytest.mark.parametrize(("pattern", "instead"), AVOIDED.items())
def test_one_word_for_each_thing(pattern: str, instead: str) -> None:
    """No text for readers has a word that the glossary has another one for."""
    avoided = re.compile(rf"\b(?:{pattern})(?!\w)", re.IGNORECASE)
    found = {name: match[0] for name, text in texts() if (match := avoided.search(text))}
    assert not found, f"write {instead}"


def test_a_dialect_word_in_a_message_is_found() -> None:
    """Messages count, docstrings and code in backquotes do not."""
    source = '"""Mend it."""\nraise ValueError("mend the file")\nprint("`mend x` is a name")\n'
    assert list(messages(source)) == ["mend the file", " is a name"]


def test_the_glossary_is_in_order_and_defines_each_term_once() -> None:
    """A reader finds a term by its first letters."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| (?!term|---)([^|]+) \|", text, re.MULTILINE)
    assert len(terms) > 30
    assert terms == sorted(set(terms), key=str.casefold)
