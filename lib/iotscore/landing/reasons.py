"""Why a line or a file is refused: a code for queries, and what it means."""

from __future__ import annotations

from typing import Final

from iotscore.columns import N_FEATURES

LINE_LIMIT: Final = 1 << 16
"""Most bytes of a line. 115 numbers of 25 characters are 3,000; a longer line is no record, and
must not take memory in proportion."""

LINE_REASONS: Final[dict[str, str]] = {
    "empty_line": "the line holds nothing",
    "line_too_long": f"more than {LINE_LIMIT:,} bytes",
    "truncated_line": f"the last line has no line end and fewer than {N_FEATURES} values",
    "too_few_columns": f"fewer than {N_FEATURES} values",
    "too_many_columns": f"more than {N_FEATURES} values",
    "wrong_separator": "semicolons or tabs stand where commas belong",
    "quoted": "values stand in quotes",
    "carriage_return": "a carriage return that no line feed follows",
    "nul_bytes": "NUL bytes, as a disk or a copy that broke leaves them",
    "invalid_utf8": "bytes that are no UTF-8 text",
    "empty_value": "a value is missing between two commas",
    "not_finite": "a value is NaN or infinite",
    "overflow": "a number is too large for a 64-bit float",
    "thousands_separator": "the digits of a number are grouped, as in 1'000",
    "not_a_number": "a value is no number",
}
"""Reason codes of refused lines."""

NOT_A_FILE: Final = "not_a_file"
LINK_LOOP: Final = "link_loop"
BROKEN_LINK: Final = "broken_link"
BAD_NAME: Final = "name_not_recognised"
NAME_NOT_TEXT: Final = "name_not_text"
UNREADABLE: Final = "unreadable"
CHANGING: Final = "changing"
BAD_COUNT: Final = "row_count_mismatch"
CONTENT_CHANGED: Final = "content_changed"
SAME_CONTENT: Final = "same_content"

FILE_REASONS: Final[dict[str, str]] = {
    "empty_file": "the file has no bytes",
    "compressed": "gzip, zip or another packed form; deliver it unpacked",
    "utf16": "UTF-16 or UTF-32 text; deliver it as UTF-8",
    "nul_bytes": "the first line holds NUL bytes",
    "invalid_utf8": "the first line is no UTF-8 text",
    "carriage_return": "lines end with a carriage return alone",
    "wrong_separator": "the feature names stand between semicolons or tabs, not commas",
    "quoted": "the feature names stand in quotes",
    "no_header": "the first line does not hold the feature names",
    "wrong_columns": "features are missing, unknown or repeated in the header",
    BAD_NAME: "the name fits none of `ingest.patterns`, or leads out of the folder",
    NAME_NOT_TEXT: "the name is no UTF-8 text; it is shown with `\\xNN`",
    BAD_COUNT: "the file does not have the rows that `data_summary.csv` states",
    CONTENT_CHANGED: "the content is another one than was ingested (`ingest.changed_files`)",
    SAME_CONTENT: "another file of the device has the same content (`ingest.same_content`)",
    NOT_A_FILE: "a folder, pipe, socket or device has a name that ends in `.csv`",
    LINK_LOOP: "a link that leads back to itself or into the landing folder",
    BROKEN_LINK: "a link to what does not exist",
    UNREADABLE: "no permission, a fault of the disk, or gone since it was listed",
    CHANGING: "the file changed while ingest looked at it",
}
"""Reason codes of files that are refused as a whole."""

PASSING: Final = frozenset({UNREADABLE, CHANGING})
"""Reasons that may be gone next time though the file looks the same: it is tried again."""
