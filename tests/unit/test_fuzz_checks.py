"""What `make fuzz` checks: the checks run, hold, and would find a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import check_config
import check_ingest
import check_webhook
from iotscore.landing import parse

if TYPE_CHECKING:
    from types import ModuleType

CHECKS = [check_ingest, check_config, check_webhook]


@pytest.mark.parametrize("module", CHECKS)
def test_seeds_hold(module: ModuleType) -> None:
    """Where the fuzzer starts, and nothing at all, breaks no promise."""
    for seed in (b"", *module.SEEDS):
        module.check(seed)


@settings(max_examples=30)
@given(st.sampled_from([b"\x00", b"\x01", b"\x02"]), st.binary(max_size=300))
def test_any_bytes_hold(kind: bytes, data: bytes) -> None:
    """Any bytes end as the checks demand."""
    for module in CHECKS:
        module.check(kind + data)


def test_paths_that_disagree_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the slow path read another value than the fast one, the check of ingest would say so."""
    real = parse.parse_line

    def lie(line: bytes, *, is_ended: bool) -> list[float] | tuple[str, str]:
        found = real(line, is_ended=is_ended)
        return [found[0] + 1, *found[1:]] if isinstance(found, list) else found

    monkeypatch.setattr(parse, "parse_line", lie)
    with pytest.raises(AssertionError, match="fast and slow path agree"):
        check_ingest.check(b"\x021.5,1.5")


@pytest.mark.parametrize("error", [ValueError("other"), RecursionError()])
def test_an_error_of_another_kind_is_found(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """If the configuration raised anything but a ConfigError, the check would not swallow it."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(check_config, "load_settings", fail)
    with pytest.raises(type(error)):
        check_config.check(b"\x01seed=7")


@pytest.mark.parametrize("told", [None, "the receiver at /T0k3nT0k3n is odd", "two\nlines"])
def test_a_webhook_that_lies_is_found(monkeypatch: pytest.MonkeyPatch, told: str | None) -> None:
    """If a redirect counted as delivered, or a secret were told, the check would say so."""
    monkeypatch.setattr(check_webhook, "post", lambda *_: told)
    with pytest.raises(AssertionError):
        check_webhook.check(b"\x00HTTP/1.1 302 Found\r\n\r\n")
