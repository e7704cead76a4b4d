"""One writer at a time in an object store: a lease, an object that its holder renews.

Each write of the object is conditional: on there being none, or on the version that the writer saw
last. So of two that write at once, one is refused. A holder that is killed, paused or cut off
renews no more; whoever sees the same version for :data:`EXPIRY_SECONDS` by a clock of its own may
take over. No two machines' clocks are compared.

The object counts its holders in ``epoch``. Commits carry that number
(:mod:`iotscore.warehouse.delta_rs.commits`), so a holder that comes back after it was replaced
commits nothing, even between two looks at its lease. Whoever follows a holder that did not give the
lease back therefore commits its own number to every table before it reads any.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError

from iotscore import object_stores
from iotscore.errors import BusyError, UnsupportedStorageError, WarehouseError, first_line
from iotscore.warehouse.delta_rs.object_store import NO_VERSION, store_of, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore import PutMode, UpdateVersion
    from obstore.store import ObjectStore

_LOG = logging.getLogger(__name__)

EXPIRY_SECONDS: Final = 60.0
"""A lease that nobody renewed for so long may be taken over."""
_RENEWAL_SECONDS: Final = 10.0
_STALE_SECONDS: Final = 40.0
"""A commit whose lease is older renews it first."""
_POLL_SECONDS: Final = 1.0
_NAME: Final = "_writer.lease"


@dataclass(frozen=True)
class _Content:
    """What the object says.

    Attributes
    ----------
    epoch
        Number of the holder.
    holder
        A name of its own; empty once the lease was given back.
    place
        Machine and process, for people.
    renewals
        So each write differs from the one before.
    is_fenced
        Whether no earlier holder can commit any more.
    """

    epoch: int
    holder: str
    place: str
    renewals: int = 0
    is_fenced: bool = True

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()


class Lease:
    """A warehouse's lease as its holder has it.

    Parameters
    ----------
    root
        The warehouse, a URI.
    content, version
        What was written when it was acquired, and what the store calls that.
    """

    def __init__(
        self, root: str, store: ObjectStore, content: _Content, version: UpdateVersion
    ) -> None:
        self._root = root
        self._store = store
        self._content = content
        self._version = version
        self._renewed = _now()
        self._is_lost = False
        self._guard = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def epoch(self) -> int:
        """Number of the holder; each has a higher one than all before."""
        return self._content.epoch

    @property
    def is_fenced(self) -> bool:
        """Whether no earlier holder can commit any more."""
        return self._content.is_fenced

    def fenced(self) -> None:
        """Note that every table has this holder's number; who comes next need not write it."""
        with self._guard:
            self._content = replace(self._content, is_fenced=True)

    def require(self) -> None:
        """Raise if another job may be writing.

        Raises
        ------
        WarehouseError
            The lease was taken over, or cannot be renewed.
        """
        with self._guard:
            if not self._is_lost and _now() - self._renewed > _STALE_SECONDS:
                self._renew()
            if self._is_lost:
                message = (
                    f"the lease of the warehouse {self._root} was taken over: this job did not "
                    f"renew it for {EXPIRY_SECONDS:.0f} s, because it was paused or cut off, and "
                    "another job may be writing. This one has stopped and writes nothing more; run "
                    "it again when the other has ended"
                )
                raise WarehouseError(message)

    def start(self) -> None:
        """Renew the lease from now on."""
        self._thread.start()

    def give_back(self) -> None:
        """Let the next writer begin at once."""
        self._is_over.set()
        self._thread.join(_RENEWAL_SECONDS)
        with self._guard:
            if not self._is_lost:
                free = replace(self._content, holder="")
                with suppress(BaseError, OSError):  # the next writer waits until it has expired
                    _put(self._store, free, self._version)

    def _keep(self) -> None:
        while not self._is_over.wait(_RENEWAL_SECONDS):
            with self._guard:
                if self._is_lost:
                    return
                try:
                    self._renew()
                except WarehouseError as error:
                    _LOG.warning("%s; it is tried again", error)

    def _renew(self) -> None:
        content = replace(self._content, renewals=self._content.renewals + 1)
        began = _now()
        try:
            self._version = _put(self._store, content, self._version)
        except (PreconditionError, NotFoundError, FileNotFoundError):
            self._look(content)
            return
        except (BaseError, OSError) as error:
            message = f"the lease of {self._root} cannot be renewed: {first_line(error)}"
            raise WarehouseError(message) from error
        self._content, self._renewed = content, began

    def _look(self, tried: _Content) -> None:
        """See whether the refused version is one of our own, whose answer was lost on its way."""
        began = _now()
        there = _get(self._store)
        if there is None or there[0].holder != tried.holder:
            self._is_lost = True
            return
        self._content, self._version = there
        self._renewed = began


@contextmanager
def held_lease(root: str, expiry: float = EXPIRY_SECONDS) -> Iterator[Lease]:
    """Hold the lease of a warehouse while the body runs.

    Parameters
    ----------
    root
        The warehouse, a URI.
    expiry
        Seconds after which a lease that nobody renews is taken over.

    Raises
    ------
    BusyError
        Another job holds it.
    UnsupportedStorageError
        The store writes what it should refuse: no lease is safe there.
    WarehouseError
        The store does not answer, or refuses the credentials.
    """
    try:
        store = store_of(root)
        lease = _acquired(root, store, expiry)
        _check_conditions(root, store, lease)
    except (BaseError, OSError) as error:
        message = (
            f"cannot write the warehouse {root}: {first_line(error)}; check the bucket, "
            f"the server and the credentials ({object_stores.variables(root)})"
        )
        raise WarehouseError(message) from error
    lease.start()
    try:
        yield lease
    finally:
        lease.give_back()


def _acquired(root: str, store: ObjectStore, expiry: float) -> Lease:
    place = f"{socket.gethostname()}, process {os.getpid()}"
    # Where somebody has deleted the object, the tables still know the numbers of earlier holders.
    mine = _Content(time.time_ns() // 1_000_000, uuid.uuid4().hex, place, is_fenced=False)
    while True:
        try:
            return Lease(root, store, mine, _put(store, mine, "create"))
        except AlreadyExistsError:
            there = _get(store)
        if there is None:
            continue
        content, version = there
        if content.holder and not _has_expired(root, store, content, version, expiry):
            continue
        is_fenced = content.is_fenced and not content.holder
        mine = replace(mine, epoch=content.epoch + 1, is_fenced=is_fenced)
        try:
            return Lease(root, store, mine, _put(store, mine, version))
        except PreconditionError as error:
            raise _busy(root, content) from error


def _has_expired(
    root: str, store: ObjectStore, content: _Content, version: UpdateVersion, expiry: float
) -> bool:
    """Wait until a lease has expired; return whether it has, or was given back meanwhile."""
    _LOG.info("the warehouse is leased to %s; waiting whether it is renewed", content.place)
    began = _now()
    while _now() - began < expiry:
        time.sleep(_POLL_SECONDS)
        there = _get(store)
        if there is None or there[1] != version:
            if there is None or not there[0].holder:
                return False
            raise _busy(root, content)
    _LOG.warning("the lease of %s has expired; taking it over", content.place)
    return True


def _busy(root: str, content: _Content) -> BusyError:
    return BusyError(
        f"another job is writing the warehouse {root} ({content.place}); wait for it to end, then "
        "retry"
    )


def _check_conditions(root: str, store: ObjectStore, lease: Lease) -> None:
    """Write twice what must be refused."""
    content = _Content(lease.epoch, "nobody", "a check")
    for mode in ("create", NO_VERSION):
        try:
            _put(store, content, mode)
        except (AlreadyExistsError, PreconditionError):
            continue
        message = (
            f"the store of {root} does not honour conditional writes (put if absent, put if "
            "unchanged), so two jobs could overwrite each other; use a store that does"
        )
        raise UnsupportedStorageError(message)


def _put(store: ObjectStore, content: _Content, mode: PutMode) -> UpdateVersion:
    result = obstore.put(store, _NAME, content.to_bytes(), mode=mode, use_multipart=False)
    return version_of(result)


def _get(store: ObjectStore) -> tuple[_Content, UpdateVersion] | None:
    try:
        found = obstore.get(store, _NAME)
        return _Content(**json.loads(bytes(found.bytes()))), version_of(found.meta)
    except (NotFoundError, FileNotFoundError):
        return None


def _now() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
