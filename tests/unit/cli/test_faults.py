"""Errors of other libraries that a user can correct are told from bugs."""

from __future__ import annotations

import pytest

from iotscore.cli.faults import user_fault
from iotscore.s3_refusals import refusal

DENIED = (
    "When reading information for key 'in/1.csv' in bucket 'b': AWS Error ACCESS_DENIED during "
    "HeadObject operation"
)


def test_a_refusal_on_the_driver() -> None:
    """It says what was refused and where credentials must be; other errors of files are bugs."""
    assert user_fault(OSError(f"{DENIED}: No response body.")) == (
        f"S3 refused a request of the job ({DENIED}); credentials that allow it must be in the "
        "environment of the job, or their machine needs a role that does"
    )
    assert user_fault(OSError("When reading: AWS Error NO_SUCH_BUCKET during HeadBucket")) is None
    assert user_fault(ValueError(DENIED)) is None


@pytest.mark.parametrize(
    "error",
    [
        "AWS Error ACCESS_DENIED during HeadObject operation: No response body.",
        "AWS Error INVALID_ACCESS_KEY_ID during PutObject operation: The AWS Access Key Id you",
        "AWS Error SIGNATURE_DOES_NOT_MATCH during ListObjectsV2 operation: The request signature",
        "AWS Error UNKNOWN (HTTP status 403) during HeadObject operation: No response body.",
        "AWS Error UNKNOWN (HTTP status 400) during GetObject operation: Code: ExpiredToken",
    ],
)
def test_refusals_of_s3(error: str) -> None:
    """They are found among the lines of a traceback, whatever the reason that the server gives."""
    trace = f"Traceback (most recent call last):\n  File x\nOSError: When reading: {error}\n\tat y"
    told = refusal(trace, "the workers")
    assert told is not None
    assert told.startswith("S3 refused a request of the workers (When reading: AWS Error ")
    assert "must be in the environment of the workers" in told


@pytest.mark.parametrize(
    "error",
    [
        "AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7",
        "AWS Error UNKNOWN (HTTP status 500) during HeadObject operation: No response body.",
        "AWS Error SLOW_DOWN during PutObject operation: Please reduce your request rate.",
    ],
)
def test_other_answers_of_s3(error: str) -> None:
    """What may pass, or is the server's fault, is none."""
    assert refusal(error) is None
