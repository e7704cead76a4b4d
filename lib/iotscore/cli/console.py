"""The console that jobs print their tables on: what stands in it can neither steer nor style it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Console

from iotscore.errors import printable

if TYPE_CHECKING:
    from typing import TextIO

    from rich.text import Text

_PLAIN_WIDTH: Final = 120


class _PlainConsole(Console):
    """Takes texts as they are: no mark-up, and no character that moves the cursor."""

    def render_str(self, text: str, **named: Any) -> Text:  # noqa: ANN401 - rich's own
        return super().render_str(printable(text), **named)


def open_console(width: int | None = None, file: TextIO | None = None) -> Console:
    """Return a console for standard output; without a terminal, lines are wide and plain.

    Parameters
    ----------
    width
        Characters of a line; None: the terminal's.
    file
        Another stream, which gets no colours.
    """
    if width is None and not sys.stdout.isatty():
        width = _PLAIN_WIDTH
    colours: Literal["auto"] | None = "auto" if file is None else None
    return _PlainConsole(
        file=file, width=width, color_system=colours, highlight=False, markup=False, emoji=False
    )
