"""Stops: SIGINT, SIGTERM and SIGHUP end a job in order, wherever it is, reported in one line.

A stop is an exception in the main thread. While that waits for Spark's Java process, its answer is
awaited, so that nothing is written any more when a stage is undone; Spark's jobs are cancelled, so
that it comes soon. Java hands the signals that it gets itself to this process: it must outlive it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from py4j.protocol import Py4JError, Py4JNetworkError  # type: ignore[import-untyped]
from pyspark import SparkContext
from pyspark.java_gateway import ensure_callback_server_started

from iotscore.errors import EnvironmentFaultError, StopError, StopSignal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

STOPS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_CANCEL_SECONDS: Final = 0.5
"""Between two times that Spark's jobs are cancelled: a call may start another one."""


class Listener:
    """Takes the signals while a job works."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that stopped it; None if none did."""
        self._is_raised = False
        self._java_calls = 0

    def receive(self, number: int, _frame: FrameType | None = None) -> None:
        """Stop the job at once, or as soon as Java answers; what comes later changes nothing."""
        if self.number is not None:
            return
        self.number = number
        # Of what goes down with it, nothing is the reason.
        logging.disable(logging.CRITICAL)
        aside = threading.Thread(target=self._cancel, daemon=True)
        aside.start()
        if not self._java_calls:
            aside.join(_CANCEL_SECONDS)
            self._raise()

    def listen_to_java(self) -> None:
        """Take over the signals that the Java process gets which started this one, if one did.

        Raises
        ------
        EnvironmentFaultError
            It has ended meanwhile.
        """
        if "PYSPARK_GATEWAY_PORT" not in os.environ:
            return
        try:
            self._link()
        except (OSError, Py4JNetworkError) as error:
            message = (
                "Spark's Java process has ended before the job began: it was stopped or killed; "
                "run the job again"
            )
            raise EnvironmentFaultError(message) from error

    def _link(self) -> None:
        SparkContext._ensure_initialized()  # noqa: SLF001 - there is no public way to the gateway
        gateway: Any = SparkContext._gateway  # noqa: SLF001
        client = gateway._gateway_client  # noqa: SLF001
        client.send_command = self._waiting_for(client.send_command)
        ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
        java = gateway.jvm.sun.misc
        for number in STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                name = signal.Signals(number).name.removeprefix("SIG")
                # With -Xrs the signals are not for Java to take.
                with contextlib.suppress(Py4JError):
                    java.Signal.handle(java.Signal(name), _Forwarder(number))

    def _waiting_for(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """Return a way to call Java during which the main thread takes no stop."""

        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever py4j sends
            if threading.current_thread() is not threading.main_thread():
                return send(*arguments, **options)
            self._java_calls += 1
            try:
                return send(*arguments, **options)
            finally:
                self._java_calls -= 1
                if self.number is not None and not self._java_calls and not self._is_raised:
                    self._raise()

        return call

    def _raise(self) -> None:
        self._is_raised = True
        raise StopSignal(self.number or 0)

    def _cancel(self) -> None:
        """Silence Spark and cancel its jobs, until Java has answered the main thread."""
        while True:
            context = SparkContext._active_spark_context  # noqa: SLF001
            # It may be about to start, or to end.
            with contextlib.suppress(Exception):
                if context is not None:
                    context.setLogLevel("OFF")
                    context.cancelAllJobs()
            if self._is_raised or not self._java_calls:
                return
            time.sleep(_CANCEL_SECONDS)


class _Forwarder:
    """Hands a signal that Java got to this process; Java calls it."""

    def __init__(self, number: int) -> None:
        self._number = number

    def handle(self, _signal: object) -> None:
        """Do so."""
        os.kill(os.getpid(), self._number)

    class Java:
        """What py4j makes of it."""

        implements: Final = ["sun.misc.SignalHandler"]


def stoppable(action: Callable[[], None]) -> None:
    """Call a function that signals end in order, as an error that can be reported in one line.

    A signal that is ignored, as SIGHUP is below ``nohup``, stays so.

    Raises
    ------
    StopError
        The process got one; the running stage has been undone, if there was time.
    """
    listener = Listener()
    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, listener.receive)
        for number, handler in before.items():
            # scripts/driver.py remembers what came while the job was imported.
            if number in getattr(handler, "received", ()):
                listener.receive(number)
        listener.listen_to_java()
        action()
    except BaseException as error:
        # Whatever it looks like, what is raised after a stop comes of the stop.
        if listener.number is None:
            raise
        message = f"stopped by {signal.Signals(listener.number).name}; run it again"
        raise StopError(message, listener.number) from error
    finally:
        # After a stop what comes later is still to change nothing.
        if listener.number is None:
            for number, handler in before.items():
                signal.signal(number, handler)
