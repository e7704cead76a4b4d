"""The console that jobs print their tables on: what stands in it can neither steer nor style it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Console
from rich.table import Table

from iotscore.errors import printable

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from typing import TextIO

    from rich.text import Text

_PLAIN_WIDTH: Final = 120
_FIGURES_WIDTH: Final = 132


class _PlainConsole(Console):
    """Takes texts as they are: no mark-up, and no character that moves the cursor."""

    def render_str(self, text: str, **named: Any) -> Text:  # noqa: ANN401 - rich's own
        return super().render_str(printable(text), **named)


def open_console(width: int | None = None, file: TextIO | None = None) -> Console:
    """Return a console for standard output, or for another stream, which gets no colours.

    Lines have as many characters as the terminal; without one they are wide and plain.
    """
    if width is None and not sys.stdout.isatty():
        width = _PLAIN_WIDTH
    colours: Literal["auto"] | None = "auto" if file is None else None
    return _PlainConsole(
        file=file, width=width, color_system=colours, highlight=False, markup=False, emoji=False
    )


def open_wide_console() -> Console:
    """Return a console for tables of many figures, which are not squeezed to the terminal."""
    console = open_console()
    console.width = max(console.width, _FIGURES_WIDTH)
    return console


def figures_table(title: str, headings: Iterable[str], texts: Container[str]) -> Table:
    """Return an empty table whose columns are numbers, to the right, but for the ``texts``."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in texts else "right")
    return table


def share(value: float | None) -> str:
    """Return a share with four digits, nothing for none."""
    return "" if value is None else f"{value:.4f}"
