"""Tests that are too long for every run: `make test-storage` runs them, too."""

from __future__ import annotations

import os
from typing import Final

import pytest

IS_LONG_RUN: Final = "IOTSCORE_TEST_STORAGE" in os.environ

make_test_storage = pytest.mark.skipif(
    not IS_LONG_RUN, reason="needs packages or minutes; make test-storage runs it"
)
