"""The form of the results: flat rows with the same columns, for a table or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iotscore.warehouse.figure_columns import COLUMNS, KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = dict[str, Any]


def in_order(row: Mapping[str, Any]) -> Row:
    """Return a row with its keys in the order of :data:`COLUMNS`.

    Raises
    ------
    ValueError
        If a key is missing or foreign.
    """
    if row.keys() != set(COLUMNS):
        raise ValueError(
            f"a row of results has the wrong keys: {sorted(row.keys() ^ set(COLUMNS))}"
        )
    return {column: row[column] for column in COLUMNS}


def side_by_side(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Row]:
    """Put the figures of each feature set beside each other.

    Parameters
    ----------
    rows
        Results of one protocol or several.
    columns
        Figures to show.

    Returns
    -------
    list of dict
        One row per key but for the feature set, in the order of the first; a figure ``roc_auc``
        with feature set ``no_clock`` is under ``roc_auc.no_clock``.
    """
    shared = [column for column in KEY if column != "feature_set"]
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = {column: row[column] for column in shared}
        place = found.setdefault(tuple(key.values()), key)
        place |= {f"{column}.{row['feature_set']}": row[column] for column in columns}
    return list(found.values())
