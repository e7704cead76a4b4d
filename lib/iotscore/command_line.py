"""The argument parser of every command: messages without secrets, and with suggestions."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from iotscore.errors import OutputError, did_you_mean, one_line
from iotscore.output import check_output, set_up_output
from iotscore.redaction import masked

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class CommandParser(argparse.ArgumentParser):
    """A parser whose messages show no secrets, and that accepts no abbreviated options."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(*arguments, **{"allow_abbrev": False, **named})

    def error(self, message: str) -> NoReturn:
        """Print usage and message, and exit with 2."""
        super().error(one_line(masked(message)))

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help, so that :meth:`exit` sees whether it was written."""
        set_up_output()
        super().print_help(file)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit; with 2 if what was printed could not be written."""
        try:
            check_output()
        except OutputError as error:
            status, message = error.code, f"{self.prog}: {error}\n"
        super().exit(status, message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Refuse what is none of the choices, and say which ones are spelt like it."""
        if action.choices is not None and value not in action.choices:
            known = [str(each) for each in action.choices]
            close = did_you_mean(str(value), known)
            message = f"there is no {value!r}{close}; choose one of: {', '.join(known)}"
            raise argparse.ArgumentError(action, message)
