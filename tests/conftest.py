"""What all tests share: their order, settings, and folders that are made once."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from traffic_files import fill_landing

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.config import Settings

ROOT = Path(__file__).resolve().parent.parent

pytest_plugins = ["storage_fixtures", "spark_fixtures", "job_fixtures"]
pytest.register_assert_rewrite("table_damage", "verify_checks", "distance_protocol")

# Speed lives in benchmarks: beside other work any example may take long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


LONG_ROOMS = {"runs", "verify", "warehouse"}
"""Half of the work of the tests that share a Spark session: two processes do it, a session each."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, and all tests of Spark in their own process into two groups.

    A session is slow until it has done everything once. All other tests are dealt out by files, or
    by the group that files name, which share what takes long to make.
    """
    for item in items:
        if "_session" in getattr(item, "fixturenames", ()):
            half = "1" if LONG_ROOMS.intersection(item.path.relative_to(ROOT).parts) else "2"
            item.add_marker(pytest.mark.xdist_group(f"spark{half}"))
        elif item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Return when a test's group begins: sessions first, then whole jobs."""
    marker = item.get_closest_marker("xdist_group")
    if marker is not None and marker.args[0].startswith("spark"):
        return 0
    return 1 if "e2e" in item.path.relative_to(ROOT).parts else 2


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop if groups have no effect, as with versions of pytest that pytest-xdist does not know."""
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            assert "@" in item.nodeid, f"{item.nodeid} is in no group: see the pin of pytest"


@pytest.fixture(scope="session")
def nbaiot() -> Path:
    """Return the folder of real N-BaIoT rows, which the project does not ship."""
    folder = Path(os.environ.get("IOTSCORE_NBAIOT_SAMPLE", ROOT.parent / "shared" / "nbaiot"))
    if not (folder / "sample").is_dir():
        pytest.skip(f"no N-BaIoT rows in {folder}; IOTSCORE_NBAIOT_SAMPLE may point at them")
    return folder


@pytest.fixture(scope="session")
def settings() -> Callable[..., Settings]:
    """Return a loader of settings: profile, then assignments; the autoencoder trains briefly."""
    from iotscore.config import load_settings

    def load(profile: str, *assignments: str) -> Settings:
        quick = ("detectors.lstm.min_updates=0", "detectors.lstm.epochs=1")
        return load_settings(ROOT / "conf", profile, (), (*quick, *assignments))

    return load


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a maker of what all processes of this run of the tests share, each made by one."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            place = shared / f"{name}-shared"
            if not place.exists():
                part = shared / f"{name}-part"
                fill(part)
                part.rename(place)
            return place

    return make


@pytest.fixture(scope="session")
def landing(made_once: Callable[..., Path]) -> Path:
    """Return a small landing folder: two devices, benign, two attacks, one unlabelled night."""
    return made_once("landing", fill_landing)
