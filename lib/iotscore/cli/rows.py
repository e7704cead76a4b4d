"""Rows of a query on standard output: as a table for people, as CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from decimal import Decimal
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F
from pyspark.sql import types as T
from rich.measure import Measurement
from rich.table import Table

from iotscore.cli.console import open_console
from iotscore.errors import QueryError
from iotscore.output import is_output_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import Column, DataFrame

FORMATS: Final = ("table", "csv", "json")

MOST_TABLE_ROWS: Final = 1_000
"""A table is laid out in memory, and nobody reads further; CSV and JSON have no limit."""

_WIDEST_TEXT: Final = 60
"""Characters of a table's cell before it goes on in the next line."""

_TIME: Final = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
_SHORT_TIME: Final = "yyyy-MM-dd HH:mm:ss"

_FORMULA_SIGNS: Final = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the start of a formula; the last four are as wide as kanji."""

_UNSEEN: Final = re.compile(
    r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
"""What JSON may hold as it is, and a terminal obeys or does not show."""

_PLAIN: Final = (
    T.StringType,
    T.BooleanType,
    T.IntegralType,
    T.DoubleType,
    T.DecimalType,
    T.NullType,
)
_NESTED: Final = (T.ArrayType, T.MapType, T.StructType)


def print_rows(result: DataFrame, output: str, *, for_spreadsheets: bool = False) -> None:
    """Write a result to standard output, as one of ``FORMATS``, which ``docs/sql.md`` describes.

    With ``for_spreadsheets``, what a spreadsheet takes for a formula gets an apostrophe in ``csv``.

    Raises
    ------
    QueryError
        Two columns have one name, which JSON cannot hold.
    """
    if output == "json":
        _print_json(result)
    elif output == "csv":
        _print_csv(result, _spreadsheet_text if for_spreadsheets else str)
    else:
        _print_table(result)


def _print_json(result: DataFrame) -> None:
    """Write one array with one object per line."""
    if len(set(result.columns)) < len(result.columns):
        message = (
            f"the columns are {', '.join(result.columns)}; JSON needs a different name for each: "
            "use AS"
        )
        raise QueryError(message)
    kinds = [field.dataType for field in result.schema.fields]
    rows = _local_rows(result, for_people=False)
    print("[", end="")
    end = "\n"
    for row in rows:
        cells = {
            name: _json_value(value, kind)
            for name, value, kind in zip(result.columns, row, kinds, strict=True)
        }
        text = json.dumps(cells, ensure_ascii=False, allow_nan=False)
        print(end + _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text), end="")
        end = ",\n"
    print("]" if end == "\n" else "\n]")


def _json_value(value: Any, kind: T.DataType) -> Any:  # noqa: ANN401 - any cell of any table
    if isinstance(value, float) and not math.isfinite(value):
        return _number_text(value)
    if isinstance(value, Decimal):
        return float(value)
    return json.loads(value) if isinstance(kind, _NESTED) and value is not None else value


def _print_csv(result: DataFrame, text_of: Callable[[str], str]) -> None:
    rows = _local_rows(result, for_people=False)
    writer = csv.writer(_LineFeeds(), lineterminator="\r\n")
    writer.writerow(map(text_of, result.columns))
    writer.writerows(
        [text_of(value) if isinstance(value, str) else _csv_value(value) for value in row]
        for row in rows
    )


class _LineFeeds:
    """Ends rows with LF; the writer quotes a CR in a cell only if its rows end with one."""

    def write(self, row: str) -> None:
        sys.stdout.write(row.removesuffix("\r\n") + "\n")


def _spreadsheet_text(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text


def _csv_value(value: Any) -> Any:  # noqa: ANN401 - any cell of any table
    if isinstance(value, bool):
        return str(value).lower()
    return _number_text(value) if isinstance(value, float) else value


def _number_text(value: float) -> str:
    """Return the shortest text that reads back as the same number; Spark's names if not finite."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _print_table(result: DataFrame) -> None:
    table = Table()
    for field in result.schema.fields:
        if isinstance(field.dataType, T.NumericType):
            table.add_column(field.name, justify="right", no_wrap=True)
        else:
            table.add_column(field.name, max_width=_WIDEST_TEXT, overflow="fold")
    rows = _local_rows(result, for_people=True)
    for row in islice(rows, MOST_TABLE_ROWS):
        table.add_row(*(_short(value) for value in row))
    # Lines as long as the columns need: squeezed to a window, wide tables cannot be read, and
    # spark-submit hides the window from us anyway.
    console = open_console(1, sys.stdout)
    wanted = Measurement.get(console, console.options.update(width=100_000), table).maximum
    open_console(wanted, sys.stdout).print(table)
    if next(rows, None) is not None:
        print(
            f"only the first {MOST_TABLE_ROWS:,} rows are shown; --format csv or json has no limit",
            file=sys.stderr,
        )


def _short(value: Any) -> str:  # noqa: ANN401 - any cell of any table
    """Return a cell for people: whole numbers with separators, others with six digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else _number_text(value)
    return str(value)


def _local_rows(result: DataFrame, *, for_people: bool) -> Iterator[tuple[Any, ...]]:
    """Yield rows whose cells are texts, numbers, booleans or None.

    Spark itself writes the text of times, days, nested and binary values, because in Python a
    time loses its zone.
    """
    fields = result.schema.fields
    # Two columns may have one name.
    numbered = result.toDF(*(f"c{position}" for position in range(len(fields))))
    cells = [
        _as_cell(F.col(f"c{position}"), field.dataType, for_people=for_people)
        for position, field in enumerate(fields)
    ]
    rows = numbered.select(*cells).toLocalIterator()
    # A statement that fails at its first row has written nothing yet.
    first = list(islice(rows, 1))
    return (tuple(row) for row in takewhile(lambda _: not is_output_lost(), chain(first, rows)))


def _as_cell(column: Column, kind: T.DataType, *, for_people: bool) -> Column:  # noqa: PLR0911 - one per kind
    if isinstance(kind, _PLAIN):
        return column
    if isinstance(kind, T.FloatType):
        return column.cast("string").cast("double")  # 0.1, not 0.10000000149011612
    if isinstance(kind, T.TimestampType):
        in_utc = F.to_utc_timestamp(column, F.current_timezone())
        return F.date_format(in_utc, _SHORT_TIME if for_people else f"{_TIME}'Z'")
    if isinstance(kind, T.TimestampNTZType):
        return F.date_format(column, _SHORT_TIME if for_people else _TIME)
    if isinstance(kind, _NESTED):
        return F.to_json(column, {"ignoreNullFields": "false"})
    if isinstance(kind, T.BinaryType):
        size = F.format_string("%,d bytes", F.octet_length(column))
        return F.when(column.isNotNull(), size) if for_people else F.base64(column)
    return column.cast("string")
