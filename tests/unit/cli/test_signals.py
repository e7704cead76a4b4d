"""A stop while the main thread waits for Java."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.signals import Listener
from iotscore.errors import StopSignal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Return one; it silences logging."""
    yield Listener()
    logging.disable(logging.NOTSET)


def test_java_s_answer_is_awaited(listener: Listener) -> None:
    """What it was told to write is written, or has failed, before anything is undone."""
    done = []

    def send(command: str) -> str:
        listener.receive(signal.SIGINT)
        done.append(command)
        return "answer"

    with pytest.raises(StopSignal, match="stopped by SIGINT"):
        listener._waiting_for(send)("write")
    assert done == ["write"]


def test_a_call_that_fails_after_a_stop_is_the_stop(listener: Listener) -> None:
    """Java says that its job was cancelled, or nothing any more."""

    def send(command: str) -> None:
        listener.receive(signal.SIGTERM)
        raise OSError(command)

    with pytest.raises(StopSignal, match="stopped by SIGTERM"):
        listener._waiting_for(send)("write")


def test_undoing_may_call_java(listener: Listener) -> None:
    """A stop is raised once; later calls, and later signals, go on."""
    with pytest.raises(StopSignal):
        listener.receive(signal.SIGINT)
    listener.receive(signal.SIGTERM)
    assert listener._waiting_for(lambda: "undone")() == "undone"
    assert listener.number == signal.SIGINT
