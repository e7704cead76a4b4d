"""Which files a figure is about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iotscore.evaluation.scopes import ScoredFile, scopes_of

FILES = st.lists(
    st.builds(
        ScoredFile,
        file_id=st.just(""),
        source_file=st.just(""),
        device=st.sampled_from(["door", "bell", "cam"]),
        family=st.sampled_from(["benign", "benign", "gafgyt", "mirai"]),
        attack=st.sampled_from(["scan", "udp", None]),
    ),
    max_size=12,
)


def named(files: list[ScoredFile]) -> list[ScoredFile]:
    """Give each file an id and a path of its own."""
    return [
        ScoredFile(f"id{number}", f"{number}.csv", file.device, file.family, file.attack)
        for number, file in enumerate(files)
    ]


@given(FILES.map(named))
def test_every_file_is_where_it_belongs(files: list[ScoredFile]) -> None:
    """Each scope's attacks are those it names, its benign files those that they compare with."""
    by_id = {file.file_id: file for file in files}
    scopes = scopes_of(files)
    assert len({(scope.name, scope.value) for scope in scopes}) == len(scopes)
    for scope in scopes:
        members = [by_id[file_id] for file_id in scope.file_ids]
        assert len(set(scope.file_ids)) == len(scope.file_ids), "no file counts twice"
        attacks = [file for file in members if file.family != "benign"]
        benign = [file for file in members if file.family == "benign"]
        all_benign = [file for file in files if file.family == "benign"]
        if scope.name == "all":
            assert sorted(scope.file_ids) == sorted(by_id)
        if scope.name == "family":
            assert {file.family for file in attacks} == {scope.value} - {"benign"}
            assert benign == all_benign
        if scope.name == "attack":
            assert {f"{file.family}.{file.attack}" for file in attacks} == {scope.value}
            assert all(file.attack for file in attacks)
            assert benign == all_benign
        if scope.name == "device":
            assert members == [file for file in files if file.device == scope.value]
        if scope.name == "file":
            own = members[0]
            assert own.source_file == scope.value
            same = [file for file in all_benign if file.device == own.device]
            assert members[1:] == ([] if own.family == "benign" else same)


def test_which_scopes_there_are() -> None:
    """One of everything that the files name, in a fixed order; an attack needs a name."""
    files = [
        ScoredFile("a", "1.benign.csv", "bell", "benign", None),
        ScoredFile("b", "1.mirai.csv", "bell", "mirai", None),
        ScoredFile("c", "2.gafgyt.udp.csv", "cam", "gafgyt", "udp"),
    ]
    assert [(scope.name, scope.value, scope.file_ids) for scope in scopes_of(files)] == [
        ("all", None, ("a", "b", "c")),
        ("family", "benign", ("a",)),
        ("family", "gafgyt", ("c", "a")),
        ("family", "mirai", ("b", "a")),
        ("attack", "gafgyt.udp", ("c", "a")),
        ("device", "bell", ("a", "b")),
        ("device", "cam", ("c",)),
        ("file", "1.benign.csv", ("a",)),
        ("file", "1.mirai.csv", ("b", "a")),
        ("file", "2.gafgyt.udp.csv", ("c",)),
    ]
