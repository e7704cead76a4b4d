"""How S3 says that it does not let somebody do something."""

from __future__ import annotations

import re
from typing import Final

_REFUSED: Final = re.compile(
    r"AWS Error (?:ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|INVALID_SIGNATURE"
    r"|SIGNATURE_DOES_NOT_MATCH|\w+ \(HTTP status 40[13]\)|.*\b(?:Expired|Invalid)Token\b)"
)
"""In errors of pyarrow's client."""


def refusal(told: str, who: str = "the job") -> str | None:
    """Return a sentence about a request that the server refused to let somebody do.

    ``told`` is what an error of pyarrow's client says, of any number of lines around it; None if
    it says something else.
    """
    line = next((line for line in told.splitlines() if _REFUSED.search(line)), None)
    if line is None:
        return None
    what = re.sub(r"^[\w.]*(?:Error|Exception): |: No response body\.$", "", line.strip())
    return (
        f"S3 refused a request of {who} ({what[:300]}); credentials that allow it must be in the "
        f"environment of {who}, or their machine needs a role that does"
    )
