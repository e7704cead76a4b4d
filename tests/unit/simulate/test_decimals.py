"""Numbers as text: what is read back is what was written, to ten digits."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from iotscore.simulate.decimals import csv_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]


def read(data: bytes) -> Rows:
    """Return CSV text without a header as an array."""
    return np.array(list(csv.reader(io.StringIO(data.decode("ascii")))), dtype=np.float64)


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 7)),
        elements=st.floats(-1e307, 1e307, allow_nan=False, allow_subnormal=False),
    )
)
def test_every_number_comes_back_to_ten_digits(rows: Rows) -> None:
    """Any finite number of any magnitude survives with a relative error of 5.1e-10."""
    np.testing.assert_allclose(read(csv_bytes(rows)), rows, rtol=5.1e-10, atol=0.0)


@given(st.floats(-1e307, 1e307, allow_nan=False, allow_subnormal=False))
def test_digits_are_those_of_the_standard_library(value: float) -> None:
    """The value is the one that ten digits of Python's own formatting stand for."""
    mine = float(csv_bytes(np.array([[value]])))
    assert mine == pytest.approx(float(f"{value:.10g}"), rel=1.1e-10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (60.0, "60"),
        (99.0, "99"),
        (100.0, "100"),
        (-60.0, "-60"),
        (1505661693.0, "1505661693"),
        (1505661693.4, "1505661693"),
        (1.0000317764, "1.000031776"),
        (0.0045753834, "0.0045753834"),
        (4.59e-6, "4.59E-06"),
        (9.9999999999e-6, "0.00001"),
        (0.99999999999, "1"),
        (9999999999.9, "10000000000"),
        (5.67e17, "5.67E+17"),
        (-2.8489e-130, "-2.8489E-130"),
        (5e-324, "4.940656458E-324"),
    ],
)
def test_forms_of_the_published_files(value: float, text: str) -> None:
    """Plain digits in the middle, capital E with a sign and two digits outside."""
    assert csv_bytes(np.array([[value]])) == (text + "\n").encode()


def test_layout_of_lines() -> None:
    """Commas between numbers, a line feed after each row, nothing else."""
    assert csv_bytes(np.array([[1.0, 2.5], [3.0, 4.0]])) == b"1,2.5\n3,4\n"
