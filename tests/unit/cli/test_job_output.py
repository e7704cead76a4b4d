"""What a job says when it ends badly: one line or a traceback, and in neither a secret."""

from __future__ import annotations

import argparse
import logging
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from py4j.java_gateway import GatewayParameters, JavaGateway  # type: ignore[import-untyped]

from iotscore.cli.arguments import job_parser
from iotscore.cli.job import guarded, run_job
from iotscore.errors import InputError
from iotscore.exit_codes import BUG, DONE, USER_FAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
URI = "s3a://AKIAEXAMPLE:swordfish/1@bucket/landing"
KEY = "wJalrXUtnFEMI/K7MDENG"


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set an environment variable with a secret, as schedulers do."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("IOTSCORE_HOME", str(ROOT))


@contextmanager
def without_handlers() -> Iterator[None]:
    """Take pytest's log handlers away while the body runs, so that a job sets up its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.usefixtures("_key")
def test_a_folder_with_a_password_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """A real job that cannot open its input names it without user and password."""
    parser = job_parser("ingest", "", reads_input=True)
    arguments = parser.parse_args(["--input", URI, "--warehouse", "/nonexistent"])
    assert run_job("ingest", arguments, lambda _: None) == USER_FAULT
    captured = capsys.readouterr()
    [line] = captured.err.strip().splitlines()
    assert line.startswith("iotscore ingest: the URI 's3a://***@bucket/landing' holds credentials")
    assert "swordfish" not in captured.err + captured.out
    assert "AKIAEXAMPLE" not in captured.err + captured.out


def test_a_report_that_has_no_place_ends_a_night_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that cannot be made: exit code 2, and the reason, before Spark starts."""
    (tmp_path / "file").touch()
    where = ["--input", str(tmp_path), "--warehouse", "/nonexistent"]
    parser = job_parser("nightly", "", reads_input=True)
    parser.add_argument("--report")
    arguments = parser.parse_args([*where, "--report", str(tmp_path / "file" / "report")])
    assert run_job("nightly", arguments, lambda _: None) == USER_FAULT
    assert "cannot write the report to" in capsys.readouterr().err


@pytest.mark.usefixtures("_key")
def test_a_fault_is_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends and colours of a file's name are escaped, a key in it is masked."""

    def fail() -> None:
        message = f"the file 'a\n\x1b[31m{KEY}' is strange"
        raise InputError(message)

    assert guarded("ingest", fail) == USER_FAULT
    told = capsys.readouterr().err
    assert told == "iotscore ingest: the file 'a\\n\\x1b[31m***' is strange\n"


@pytest.mark.usefixtures("_key")
def test_a_bug_keeps_its_traceback_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """All of the traceback is there, causes included, and exit code 1."""

    def fail() -> None:
        try:
            {}[URI]
        except KeyError as error:
            raise RuntimeError(KEY) from error

    assert guarded("score", fail) == BUG
    told = capsys.readouterr().err
    for part in ("Traceback", "in fail", "KeyError: 's3a://***@bucket", "RuntimeError: ***\n"):
        assert part in told
    assert KEY not in told
    assert "swordfish" not in told


@pytest.mark.usefixtures("_key")
def test_log_lines_hold_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the message, nor in its arguments, nor in the traceback below it."""

    def log() -> None:
        logger = logging.getLogger("iotscore.scoring.stage")
        try:
            int(KEY)
        except ValueError:
            logger.exception("reading %s", URI)
        logging.getLogger("py4j").warning("sent %s", KEY)

    with without_handlers():
        assert guarded("score", log) == DONE
    told = capsys.readouterr().err
    assert "ERROR reading s3a://***@bucket/landing\nTraceback" in told
    assert "ValueError: invalid literal for int() with base 10: '***'\n" in told
    assert "WARNING sent ***\n" in told
    assert KEY not in told


def test_log_lines_and_tracebacks_cannot_steer_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A message is one line, also with a name that holds line ends; a traceback keeps its own."""

    def log() -> None:
        try:
            {}["x\x1b]0;y\x07"]
        except KeyError:
            logging.getLogger("iotscore").exception("file %s", "a\n12:00:00 INFO \x1b[2Jb")
        message = "\x1b[31m"
        raise RuntimeError(message)

    with without_handlers():
        assert guarded("score", log) == BUG
    told = capsys.readouterr().err
    assert r"ERROR file a\n12:00:00 INFO \x1b[2Jb" in told
    assert "KeyError: " in told
    assert told.endswith("RuntimeError: \\x1b[31m\n")
    assert told.replace("\n", "").isprintable()


@pytest.mark.usefixtures("_key")
def test_a_mistyped_argument_is_not_repeated_with_its_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command line's own complaint goes to the same log."""
    parser = job_parser("score", "", reads_input=False)
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--warehouse", "w", "--inptu", URI])
    assert caught.value.code == USER_FAULT
    told = capsys.readouterr().err
    assert "unrecognized arguments: --inptu s3a://***@bucket/landing" in told
    assert "swordfish" not in told


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize("assignment", [f"storage.secret_key={KEY}", f"seed={KEY}", f"x{KEY}"])
def test_configuration_faults_hold_no_secret(
    assignment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither of a key that is named like one, nor one that the environment holds too."""
    arguments = argparse.Namespace(
        profile="default", config=[], assignments=[assignment], warehouse="/nonexistent"
    )
    assert run_job("score", arguments, lambda _: None) == USER_FAULT
    told = capsys.readouterr().err
    assert KEY not in told
    assert "***" in told


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize("is_assigned", [True, False])
def test_an_endless_configuration_is_one_line(
    is_assigned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a key of thousands of parts nor a file of as many levels ends in a traceback."""
    path = tmp_path / "deep.yaml"
    path.write_text("\n".join(f"{' ' * level}a:" for level in range(1500)))
    arguments = argparse.Namespace(
        profile="default",
        config=[] if is_assigned else [path],
        assignments=["a." * 5000 + "a=1"] if is_assigned else [],
        warehouse="/nonexistent",
    )
    assert run_job("score", arguments, lambda _: None) == USER_FAULT
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("iotscore score: ")


@pytest.mark.parametrize("is_closed_first", [True, False])
def test_java_that_has_ended_is_no_bug(
    is_closed_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """What py4j raises, and what clean-up raises on top, is one line and exit code 2."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))

    def act() -> None:
        try:
            gateway.jvm.java.lang.System.exit(0)
        finally:
            if is_closed_first:
                socket.create_connection(("127.0.0.1", port), timeout=1)

    assert guarded("stream", act) == USER_FAULT
    told = capsys.readouterr().err
    assert "iotscore stream: Spark's Java process has ended" in told
    assert "Traceback" not in told
