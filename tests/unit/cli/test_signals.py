"""A stop: how a job ends at a signal, also while the main thread waits for Java."""

from __future__ import annotations

import argparse
import json
import logging
import os
import runpy
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.job import guarded
from iotscore.cli.recorder import Recorder
from iotscore.cli.signals import STOPS, Listener
from iotscore.errors import StopSignal
from iotscore.exit_codes import DONE, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Handle signals as from the start; leave their handling, and logging, as they were.

    ``nohup`` and a shell's ``&`` have the tests ignore some.
    """
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOPS}
    yield
    logging.disable(logging.NOTSET)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def listener() -> Listener:
    """Return one; it silences logging."""
    return Listener()


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


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_a_job_with_its_own_code(
    number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the engine says while it goes down, the reason told is the first signal."""

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            logging.getLogger().error("Exception while sending command.")
            raise OSError("the engine is gone")

    summary = tmp_path / "s.jsonl"
    recorder = Recorder("nightly", argparse.Namespace(summary_json=str(summary)))
    assert guarded("nightly", work, recorder.note) == 128 + number
    recorder.write(128 + number)
    told = json.loads(summary.read_text())
    assert told["error"] == f"stopped by {number.name}; run it again"
    assert capsys.readouterr().err == f"iotscore nightly: stopped by {number.name}; run it again\n"
    for again in STOPS:  # the end goes on in order
        os.kill(os.getpid(), again)


def test_a_signal_that_came_while_the_job_was_imported_ends_it_before_it_works() -> None:
    """Its starter remembers it."""
    starter = runpy.run_path(str(ROOT / "scripts" / "driver.py"))
    signal.signal(signal.SIGINT, starter["remember"])
    os.kill(os.getpid(), signal.SIGINT)
    worked: list[int] = []
    assert guarded("nightly", lambda: worked.append(1)) == INTERRUPTED
    assert worked == []


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As SIGHUP is below nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert guarded("nightly", lambda: os.kill(os.getpid(), signal.SIGHUP)) == DONE
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_handlers_are_given_back() -> None:
    """A job that ended well leaves signals as they were."""
    before = [signal.getsignal(number) for number in STOPS]
    assert guarded("nightly", lambda: None) == DONE
    assert [signal.getsignal(number) for number in STOPS] == before
