"""Hand the launcher's own streams and arguments to the driver's Python, and clean up behind Spark.

Between the two stands Java, which copies output without looking whether it was written, joins both
streams, and knows arguments as texts only. So the driver's Python gets the descriptors themselves,
and the arguments as the bytes that they are, over a socket in a folder that only the user can open.

``streams.py serve FOLDER ARGUMENT...`` waits there until Spark has ended, then removes the folder,
which also holds what Spark puts down for a while; descriptor 0 is a pipe that Spark holds open.
Meanwhile it removes the folders of runs that were killed together with their own. ``streams.py take
FOLDER PYTHON FILE ...`` runs Python on the files with what it gets.
"""

from __future__ import annotations

import array
import errno
import os
import select
import shutil
import signal
import socket
import stat
import sys
import time
from pathlib import Path

_NAME = "streams"
_SECONDS = 20.0
"""Longest wait for the other side, which starts at the same time."""
_START = "iotscore."
"""How the names of scratch folders begin."""
_ELSEWHERE = "elsewhere"
"""A list of those on other disks."""
_YOUNG = 60.0
"""Seconds; a younger folder may be one that is only being made."""


def serve(folder: str, arguments: list[str]) -> None:
    """Give descriptors and arguments to the first who asks, and wait for Spark's end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    scratch = Path(folder).absolute()
    with socket.socket(socket.AF_UNIX) as door:
        os.chdir(scratch)
        door.bind(_NAME)
        door.listen()
        ready, _, _ = select.select([door.fileno(), 0], [], [])
        if door.fileno() in ready:
            client, _ = door.accept()
            with client:
                words = b"".join(os.fsencode(each) + b"\0" for each in arguments)
                passed = array.array("i", [1, 2])
                client.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
                client.sendall(words)
    os.chdir("/")
    remove_dead(scratch.parent)
    if 0 not in ready:
        os.read(0, 1)
    # The driver's Python may live a moment longer than Spark, and write.
    for _ in range(20):
        remove(scratch)
        if not scratch.exists():
            break
        time.sleep(0.5)


def remove(folder: Path) -> None:
    """Remove a scratch folder, and those that belong to it on other disks."""
    try:
        listed = (folder / _ELSEWHERE).read_bytes().split(b"\0")[:-1]
    except OSError:
        listed = []
    for each in map(Path, map(os.fsdecode, listed)):
        if each.name.startswith(_START) and _is_ours(each):
            shutil.rmtree(each, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def remove_dead(place: Path) -> None:
    """Remove the scratch folders in a place whose Spark, and whose server, do not live any more."""
    for folder in list(place.glob(f"{_START}*")):
        if _is_ours(folder) and not _is_alive(folder):
            remove(folder)


def _is_ours(folder: Path) -> bool:
    """Say whether it is a folder, and no link, of this user that nobody else can open."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    is_private = stat.S_ISDIR(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077
    return is_private and status.st_uid == os.geteuid()


def _is_alive(folder: Path) -> bool:
    """Say whether anybody holds the pipe open, as Spark and the server do until they end."""
    try:
        if time.time() - folder.lstat().st_ctime < _YOUNG:
            return True
        pipe = os.open(folder / "end", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False  # killed before it was made
    except OSError as error:
        return error.errno != errno.ENXIO
    os.close(pipe)
    return True


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
        words = b""
        while more := door.recv(1 << 16):
            words += more
    for number, descriptor in zip((1, 2), passed, strict=True):
        os.dup2(descriptor, number)
    started = [os.fsencode(each) for each in (python, *files)]
    os.execv(python, [*started, *words.split(b"\0")[:-1]])  # noqa: S606


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        take(*sys.argv[2:])
