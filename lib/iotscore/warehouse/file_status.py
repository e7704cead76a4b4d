"""What ``ingest_files`` says of a delivery."""

from __future__ import annotations

from typing import Final

INGESTED: Final = "ingested"
REFUSED: Final = "refused"
"""Status of a delivery in the ledger none of whose lines is a record."""
REPLACED: Final = "replaced"
"""Status of a delivery whose records made room for those of a later one."""
