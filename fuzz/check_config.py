"""What must hold of any configuration file and any --set; the tests replay it too."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

from iotscore.config import load, load_settings
from iotscore.config.load import checked_settings
from iotscore.errors import ConfigError

CONF = Path(__file__).resolve().parent.parent / "conf"
SEEDS = (
    b"\x00seed: 7\ningest: {patterns: ['(?P<device>.*)'], chunk_megabytes: 1e-3}\n",
    b"\x00a: &a [1, *a]\nb: {<<: *a}\nc: !!timestamp 2001-99-99\n? [x]\n: y\n",
    b"\x01detectors.lstm={weight: 0x10, units: .nan}",
    b"\x01evaluate.splits=[test, ~, 1:30, 2001-01-01, !!binary eA==]",
)
"""Where the fuzzer starts."""
LONGEST_MESSAGE = 100_000
_READ = load._read_yaml
_BASE = {path: _READ(path) for path in (CONF / "base.yaml", CONF / "profiles" / "default.yaml")}
"""These take a hundred times as long to read as what the fuzzer makes, and never change."""


def check(data: bytes) -> None:
    """Load settings; they are good, or a ConfigError says in one line of bounded length why not.

    The first byte chooses: the rest is a configuration file, or what follows --set.
    """
    with patch.object(load, "_read_yaml", lambda path: _BASE.get(path) or _READ(path)):
        _check(data[:1], data[1:])


def _check(kind: bytes, rest: bytes) -> None:
    try:
        if kind == b"\x00":
            with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
                Path(file.name).write_bytes(rest)
                settings = load_settings(CONF, "default", [Path(file.name)])
        else:
            # As Python hands on what the shell gives it.
            assignments = rest.decode("utf-8", "surrogateescape").split("\0")
            settings = load_settings(CONF, "default", (), assignments)
    except ConfigError as error:
        message = str(error)
        if "\n" in message or len(message) > LONGEST_MESSAGE:
            text = f"no single line of bounded length: {message[:500]!r}"
            raise AssertionError(text) from error
    else:
        if checked_settings(settings.to_dict()) != settings:
            text = f"does not come back from its own values: {settings}"
            raise AssertionError(text)
