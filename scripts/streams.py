"""Hand the launcher's own standard output, standard error and arguments to the driver's Python.

Between the two stands Java, which copies output without looking whether it was written, joins both
streams, and knows arguments as texts only. So the driver's Python gets the descriptors themselves,
and the arguments as the bytes that they are, over a socket in a folder that only the user can open.

``streams.py serve FOLDER ARGUMENT...`` waits there until Spark has ended, then removes the folder;
descriptor 0 is a pipe that Spark holds open. ``streams.py take FOLDER PYTHON FILE ...`` runs
Python on the files with what it gets.
"""

from __future__ import annotations

import array
import os
import select
import shutil
import signal
import socket
import sys
import time

_NAME = "streams"
_SECONDS = 20.0
"""Longest wait for the other side, which starts at the same time."""


def serve(folder: str, arguments: list[str]) -> None:
    """Give descriptors and arguments to the first who asks, and wait for Spark's end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        os.chdir(folder)
        door.bind(_NAME)
        door.listen()
        ready, _, _ = select.select([door.fileno(), 0], [], [])
        if door.fileno() in ready:
            client, _ = door.accept()
            with client:
                told = b"".join(os.fsencode(each) + b"\0" for each in arguments)
                passed = array.array("i", [1, 2])
                client.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
                client.sendall(told)
    if 0 not in ready:
        os.read(0, 1)
    shutil.rmtree(folder, ignore_errors=True)


def _connect(door: socket.socket) -> None:
    until = time.monotonic() + _SECONDS
    while True:
        try:
            door.connect(_NAME)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def take(folder: str, python: str, *files: str) -> None:
    """Become the driver: its own streams, its own arguments."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(_SECONDS)
        _connect(door)
        os.fchdir(here)
        _, sent, _, _ = door.recvmsg(1, socket.CMSG_SPACE(8))
        passed = array.array("i")
        passed.frombytes(sent[0][2])
        told = b""
        while more := door.recv(1 << 16):
            told += more
    for number, descriptor in zip((1, 2), passed, strict=True):
        os.dup2(descriptor, number)
    started = [os.fsencode(each) for each in (python, *files)]
    os.execv(python, [*started, *told.split(b"\0")[:-1]])  # noqa: S606


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        take(*sys.argv[2:])
