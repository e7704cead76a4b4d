"""Which records a figure is about: all, a family, an attack, a device, a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotscore.landing.filenames import BENIGN

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class ScoredFile:
    """A labelled file, as far as scopes ask."""

    file_id: str
    source_file: str
    device: str
    family: str
    attack: str | None


@dataclass(frozen=True)
class Scope:
    """A set of files; figures compare its attacks with its benign records.

    Attributes
    ----------
    name, value
        all, family, attack, device or file, and which one; None for all.
    """

    name: str
    value: str | None
    file_ids: tuple[str, ...]


def scopes_of(files: Sequence[ScoredFile]) -> list[Scope]:
    """Return every scope that the files give.

    A family or an attack is compared with the benign records of all devices, a device with its
    own, and an attack file with the benign records of its device. A benign file stands alone: it
    has a false positive rate and no more. A file that names a family but no attack counts towards
    its family only.
    """
    benign = [file for file in files if file.family == BENIGN]
    attacks = [file for file in files if file.family != BENIGN]
    scopes = [_scope("all", None, files)]
    for family in sorted({file.family for file in files}):
        members = [file for file in attacks if file.family == family]
        scopes.append(_scope("family", family, [*members, *benign]))
    for attack in sorted({_attack_name(file) for file in attacks if file.attack}):
        members = [file for file in attacks if _attack_name(file) == attack]
        scopes.append(_scope("attack", attack, [*members, *benign]))
    scopes += [
        _scope("device", device, [file for file in files if file.device == device])
        for device in sorted({file.device for file in files})
    ]
    for file in files:
        same_device = [one for one in benign if one.device == file.device]
        beside = [] if file.family == BENIGN else same_device
        scopes.append(_scope("file", file.source_file, [file, *beside]))
    return scopes


def _scope(name: str, value: str | None, files: Sequence[ScoredFile]) -> Scope:
    return Scope(name, value, tuple(file.file_id for file in files))


def _attack_name(file: ScoredFile) -> str:
    return f"{file.family}.{file.attack}"
