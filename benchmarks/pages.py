"""Pages of figures from templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from pathlib import Path


def templates(folder: Path) -> Environment:
    """Return the Markdown templates of a folder; a name that is not given is an error."""
    return Environment(  # noqa: S701 - Markdown, no HTML
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
