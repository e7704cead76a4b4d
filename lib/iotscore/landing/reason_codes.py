"""The reasons for refusing a line or a file: code, description and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iotscore.features import N_FEATURES

LINE_LIMIT: Final = 1 << 16
"""Most bytes of a line. 115 numbers of 25 characters are 3,000; a longer line is no record, and
must not take memory in proportion."""


@dataclass(frozen=True)
class Reason:
    """A reason code as in the tables, a description, and what to know or to do, if anything."""

    code: str
    what: str
    to_do: str = ""


LINES: Final = (
    Reason("empty_line", "the line holds nothing", "blank lines at a file's end do not count"),
    Reason("line_too_long", f"more than {LINE_LIMIT:,} bytes", "only its beginning is read"),
    Reason(
        "truncated_line",
        f"the last line has no line end and fewer than {N_FEATURES} values",
        "the delivery broke off; deliver it again",
    ),
    Reason("too_few_columns", f"fewer than {N_FEATURES} values"),
    Reason("too_many_columns", f"more than {N_FEATURES} values", "`1,234.5` is two values"),
    Reason(
        "wrong_separator",
        "semicolons or tabs stand where commas belong",
        "also with commas as decimal points",
    ),
    Reason("quoted", "values stand in quotes", '`"1.5"`, `\'1.5\'`; `"1,234.5"`, too'),
    Reason("carriage_return", "a carriage return without a line feed", "two lines were joined"),
    Reason("nul_bytes", "NUL bytes, as a disk or a copy that broke leaves them"),
    Reason("invalid_utf8", "bytes that are no UTF-8 text", "shown as `\\xNN` in `raw_text`"),
    Reason("empty_value", "a value is missing between two commas"),
    Reason("not_finite", "a value is NaN or infinite", "`NaN`, `inf`, `-Infinity`"),
    Reason("overflow", "a number is too large for a 64-bit float", "`1e400`; `1e-400` becomes 0"),
    Reason(
        "thousands_separator", "the digits of a number are grouped", "`1'000`, `1 000`, `1_000`"
    ),
    Reason("not_a_number", "a value is no number", "`abc`, `0x10`, `1e`, `12 34`"),
)
"""Reasons of refused lines."""

COMPRESSED: Final = "compressed"
NOT_A_FILE: Final = "not_a_file"
LINK_LOOP: Final = "link_loop"
LINK_OUTSIDE: Final = "link_outside"
BROKEN_LINK: Final = "broken_link"
BAD_NAME: Final = "name_not_recognised"
NAME_NOT_TEXT: Final = "name_not_text"
ODD_TIME: Final = "time_out_of_range"
FUTURE_DAY: Final = "future_day"
TOO_LARGE: Final = "too_large"
UNREADABLE: Final = "unreadable"
CHANGING: Final = "changing"
BAD_COUNT: Final = "row_count_mismatch"
CONTENT_CHANGED: Final = "content_changed"
SAME_CONTENT: Final = "same_content"
LABEL_CONFLICT: Final = "label_conflict"

FILES: Final = (
    Reason("empty_file", "the file has no bytes", "deliver it again"),
    Reason(
        COMPRESSED,
        "gzip, zip, rar, tar or another packed form, by its name or its first bytes",
        "unpack it, and deliver what was in it",
    ),
    Reason("utf16", "UTF-16 or UTF-32 text, with or without mark", "deliver it as UTF-8"),
    Reason("nul_bytes", "the first line holds NUL bytes", "probably no text; deliver it again"),
    Reason("invalid_utf8", "the first line is no UTF-8 text", "deliver it as UTF-8"),
    Reason("carriage_return", "lines end with a carriage return alone", "end them with LF or CRLF"),
    Reason(
        "wrong_separator",
        "the feature names stand between semicolons or tabs, not commas",
        "deliver it with commas, and with points in the numbers",
    ),
    Reason("quoted", "the feature names stand in quotes", "deliver it without quotes"),
    Reason(
        "no_header",
        "the first line does not hold the feature names",
        f"the first line must be the {N_FEATURES} names, in any order",
    ),
    Reason(
        "wrong_columns",
        "features are missing, unknown or repeated in the header",
        "`quarantine.detail` names them; correct what writes the files",
    ),
    Reason(
        BAD_NAME,
        "the name fits none of `ingest.patterns`, has a day or a number that is none, or leads out "
        "of the folder",
        "rename it, or add a pattern; it is read again when it fits one",
    ),
    Reason(NAME_NOT_TEXT, "the name is no UTF-8 text; it is shown with `\\xNN`", "rename it"),
    Reason(
        FUTURE_DAY,
        "the day in the name is later than tomorrow (UTC)",
        "correct the clock that names the files, or the name; it is read on that day",
    ),
    Reason(ODD_TIME, "the time of change is before 1678 or after 2261", "set it with `touch`"),
    Reason(
        TOO_LARGE,
        "more bytes than `ingest.most_file_bytes`",
        "deliver it in parts, or raise `ingest.most_file_bytes`",
    ),
    Reason(
        BAD_COUNT,
        "the file does not have the rows that `data_summary.csv` states",
        "deliver it whole, or correct `data_summary.csv`; blank lines at the end do not count",
    ),
    Reason(
        CONTENT_CHANGED,
        "the content is another one than was ingested (`ingest.changed_files`)",
        "the first records stay; deliver changed data under a new name, or have them take the "
        "place of the first with `ingest.changed_files: replace`",
    ),
    Reason(
        SAME_CONTENT,
        "another file of the device has the same content (`ingest.same_content`)",
        "a second delivery, most likely: of two new files the older one is ingested; "
        "`ingest.same_content: accept` takes both",
    ),
    Reason(
        LABEL_CONFLICT,
        "the same content lies there under a benign and an attack name, of any device",
        "only one can be true: remove the file with the wrong name, and the other is read. If the "
        "wrong one is ingested, put the right content, or a header alone, into it and set "
        "`ingest.changed_files: replace`",
    ),
    Reason(
        NOT_A_FILE,
        "a folder, pipe, socket or device has a name that ends in `.csv`",
        "it is not opened; files in such a folder are read under their own names",
    ),
    Reason(
        LINK_LOOP,
        "a link that leads back to itself or into the landing folder",
        "not followed, so nothing is read twice; remove it",
    ),
    Reason(
        LINK_OUTSIDE,
        "a link that leads out of the landing folder",
        "nothing of what it leads to is read or shown; move the file here, or set "
        "`ingest.follow_links: true` if all who can write here may read what the job may read",
    ),
    Reason(BROKEN_LINK, "a link to what does not exist", "correct or remove it"),
    Reason(UNREADABLE, "no permission, a disk error, or gone by now", "tried again in each run"),
    Reason(CHANGING, "the file changed while ingest looked at it", "tried again in each run"),
)
"""Reasons of files that are refused as a whole."""

# By their codes: what each reason is, and what to do about it.
LINE_REASONS: Final = {reason.code: reason.what for reason in LINES}
FILE_REASONS: Final = {reason.code: reason.what for reason in FILES}
FILE_ADVICE: Final = {reason.code: reason.to_do for reason in FILES}

PASSING: Final = frozenset({UNREADABLE, CHANGING})
"""Reasons that may be gone next time though the file looks the same: it is tried again."""

LISTED: Final = frozenset(
    {NOT_A_FILE, LINK_LOOP, LINK_OUTSIDE, BROKEN_LINK, NAME_NOT_TEXT, ODD_TIME}
    | {FUTURE_DAY, TOO_LARGE}
)
"""Reasons that a listing shows anew each time: a file is refused for them as long as it does."""

UNREAD: Final = PASSING | {LINK_OUTSIDE}
"""Reasons that come up where a file is opened, and say nothing about its content."""
