"""A surveyor of any content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyarrow import fs

from iotscore.landing.scan import Survey, survey_file

if TYPE_CHECKING:
    from collections.abc import Callable

    Surveyor = Callable[..., Survey]


@pytest.fixture(scope="module")
def survey_of(tmp_path_factory: pytest.TempPathFactory) -> Surveyor:
    """Return a function that surveys content, cut at a number of bytes."""
    path = tmp_path_factory.mktemp("survey") / "some file.csv"

    def survey(content: bytes, chunk_bytes: int = 1000) -> Survey:
        path.write_bytes(content)
        return survey_file(fs.LocalFileSystem(), str(path), chunk_bytes)

    return survey
