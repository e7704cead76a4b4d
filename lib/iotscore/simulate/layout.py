"""The 92-file layout: which traffic files, how many rows each, and the three metadata files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from iotscore.errors import ConfigError
from iotscore.features import SOURCE_FEATURES

if TYPE_CHECKING:
    from pathlib import Path

DEVICES: Final = {
    1: "Danmini_Doorbell",
    2: "Ecobee_Thermostat",
    3: "Ennio_Doorbell",
    4: "Philips_B120N10_Baby_Monitor",
    5: "Provision_PT_737E_Security_Camera",
    6: "Provision_PT_838_Security_Camera",
    7: "Samsung_SNH_1011_N_Webcam",
    8: "SimpleHome_XCS7_1002_WHT_Security_Camera",
    9: "SimpleHome_XCS7_1003_WHT_Security_Camera",
}

KINDS: Final = (
    "benign",
    "gafgyt.combo",
    "gafgyt.junk",
    "gafgyt.scan",
    "gafgyt.tcp",
    "gafgyt.udp",
    "mirai.ack",
    "mirai.scan",
    "mirai.syn",
    "mirai.udp",
    "mirai.udpplain",
)
"""What a capture holds, in file order; devices 3 and 7 have no mirai."""

_COUNTS: Final = {
    1: (49548, 59718, 29068, 29849, 92141, 105874, 102195, 107685, 122573, 237665, 81982),
    2: (13113, 53012, 30312, 27494, 95021, 104791, 113285, 43192, 116807, 151481, 87368),
    3: (39100, 53014, 29797, 28120, 101536, 103933),
    4: (175240, 58152, 28349, 27859, 92581, 105782, 91123, 103621, 118128, 217034, 80808),
    5: (62154, 61380, 30898, 29297, 104510, 104011, 60554, 96781, 65746, 156248, 56681),
    6: (98514, 57530, 29068, 28397, 89387, 104658, 57997, 97096, 61851, 158608, 53785),
    7: (52150, 58669, 28305, 27698, 97783, 110617),
    8: (46585, 54283, 28579, 27825, 88816, 103720, 111480, 45930, 125715, 151879, 78244),
    9: (19528, 59398, 27413, 28572, 98075, 102980, 107187, 43674, 122479, 157084, 84436),
}
"""Rows of the original files by device, in the order of KINDS (its data_summary.csv)."""


class TrafficFile(NamedTuple):
    """One traffic file: its device, its kind, and how many rows the original has."""

    device: int
    kind: str
    original_rows: int

    @property
    def name(self) -> str:
        """The file's name, for example ``3.gafgyt.tcp.csv``."""
        return f"{self.device}.{self.kind}.csv"


FILES: Final = tuple(
    TrafficFile(device, kind, count)
    for device, counts in _COUNTS.items()
    for kind, count in zip(KINDS, counts, strict=False)
)
"""The 89 traffic files in the order of data_summary.csv."""

FULL_ROWS: Final = sum(file.original_rows for file in FILES)
"""7,062,606."""

MIN_ROWS: Final = 3
"""Rows that the smallest file gets: one for each third (fit, calibrate, test)."""


def allocate(rows: int) -> tuple[int, ...]:
    """Return the rows of each of FILES: proportional to the original's, summing to `rows`.

    Rounded by largest remainder; files that would fall under MIN_ROWS get MIN_ROWS.

    Raises
    ------
    ConfigError
        If `rows` is less than MIN_ROWS for every file.
    """
    needed = MIN_ROWS * len(FILES)
    if rows < needed:
        message = (
            f"--rows is {rows:,}, but {len(FILES)} files with at least {MIN_ROWS} rows each need "
            f"{needed:,}: ask for {needed:,} or more, or for 'full' ({FULL_ROWS:,})"
        )
        raise ConfigError(message)
    weights = np.array([file.original_rows for file in FILES], dtype=np.int64)
    small = np.zeros(len(FILES), dtype=bool)
    while True:
        left = rows - MIN_ROWS * int(small.sum())
        quotas, remainders = np.divmod(weights * left, int(weights[~small].sum()))
        too_small = ~small & (quotas < MIN_ROWS)
        if not too_small.any():
            break
        small |= too_small
    shares = np.where(small, MIN_ROWS, quotas)
    # Largest remainder first; a stable sort gives ties to the earlier file.
    order = np.argsort(np.where(small, 1, -remainders), kind="stable")
    shares[order[: rows - int(shares.sum())]] += 1
    return tuple(int(share) for share in shares)


def write_metadata(folder: Path, shares: tuple[int, ...]) -> None:
    """Write data_summary.csv, device_info.csv and features.csv in the original's forms.

    The original's data_summary.csv has a space after each comma in its header and nowhere else;
    all three end their lines with CRLF.
    """
    summary = ["File Name, Data Count, Feature Count"]
    summary += [
        f"{file.name},{share},{len(SOURCE_FEATURES)}"
        for file, share in zip(FILES, shares, strict=True)
    ]
    devices = ["DeviceID,DeviceName", *(f"{number},{name}" for number, name in DEVICES.items())]
    features = ["Feature Name,Feature Description"]
    features += [f"{name},{describe(name)}" for name in SOURCE_FEATURES]
    for name, lines in (
        ("data_summary.csv", summary),
        ("device_info.csv", devices),
        ("features.csv", features),
    ):
        (folder / name).write_bytes("".join(line + "\r\n" for line in lines).encode("ascii"))


_STREAM_WORDS: Final = {
    "MI_dir": "MI dir",
    "H": "traffic from this packet's host (IP)",
    "HH": "traffic going from this packet's host (IP) to the packet's destination host",
    "HH_jit": "Jitter of the traffic going from this packet's host",
    "HpHp": (
        "traffic going from this packet's host+port (IP) to the packet's destination host+port"
    ),
}


def describe(feature: str) -> str:
    """Return the description of a feature in features.csv."""
    stream, decay, statistic = feature.rsplit("_", 2)
    return f"{_STREAM_WORDS[stream]} Lambda {decay[1:]} {statistic}"
