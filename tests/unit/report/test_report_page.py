"""The page: what it says, what it must not say, and that it needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.report.folder import draw
from iotscore.report.page import render

if TYPE_CHECKING:
    from iotscore.report.night import Night
    from iotscore.report.theme import Picture

VOID = {"meta", "link", "wbr", "img", "br"}


class Tree(HTMLParser):
    """Collects tags and texts, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the last open tag, which must be this one."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take in a text."""
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module", params=["page", "plain_page"])
def tree(request: pytest.FixtureRequest) -> Tree:
    """Return each page, taken apart."""
    return Tree(request.getfixturevalue(request.param))


def words(page: str) -> str:
    """Return what a reader sees, in one line."""
    return " ".join("".join(Tree(page).texts).split())


def test_a_name_from_a_table_is_text_and_nothing_else(page: str, nights: dict[str, Any]) -> None:
    """A device called like a script is shown so, everywhere, and no script but ours is there."""
    tree = Tree(page)
    assert len(tree.of("script")) == 1
    hostile = "".join(nights["HOSTILE"].split())
    assert "".join("".join(tree.texts).split()).count(hostile) > 10
    assert not any(name.startswith("on") for _, attributes in tree.tags for name in attributes)


def test_a_name_cannot_turn_the_direction_of_a_line(nights: dict[str, Any]) -> None:
    """Control characters and what nobody sees are shown as escapes, on the page and in pictures."""
    night = nights["labelled_night"]("cam\x1b[2J\u202e\u200b")
    shown = render(night, draw(night))
    assert not [each for each in shown if not each.isprintable() and each != "\n"]
    assert words(shown).count(r"cam\x1b[2J\u202e\u200b") > 10


def test_the_page_needs_nothing_beside_it(tree: Tree) -> None:
    """No address but those of its own parts and of data in it; nothing is fetched."""
    for tag, attributes in tree.tags:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, value)
        assert "url(http" not in str(attributes.get("style"))
    (policy,) = [one for one in tree.of("meta") if "http-equiv" in one]
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")


def test_only_our_script_may_run(page: str) -> None:
    """The policy names the script by its checksum."""
    script = page.split("<script>", 1)[1].split("</script>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"'sha256-{digest}'" in page


def test_every_picture_has_words_and_every_id_is_one(tree: Tree) -> None:
    """Alternative texts, and names that are unique and exist where something refers to them."""
    shown = [one for one in tree.of("svg") if one.get("role") == "img"]
    assert len(shown) == len(tree.of("svg"))
    assert all(len(str(one["aria-label"])) > 20 for one in shown)
    assert all(len(str(one["alt"])) > 20 for one in tree.of("img"))
    ids = Counter(attributes["id"] for _, attributes in tree.tags if "id" in attributes)
    assert max(ids.values()) == 1
    for _, attributes in tree.tags:
        for name in ("href", "xlink:href", "aria-labelledby"):
            if (value := attributes.get(name) or "").startswith("#") or name.startswith("aria"):
                assert not value or value.lstrip("#") in ids, value


def test_landmarks_and_headings(tree: Tree) -> None:
    """One heading of the first rank, none is skipped, and the landmarks are there."""
    ranks = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch("h[1-6]", tag)]
    assert ranks.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(ranks))
    assert [len(tree.of(tag)) for tag in ("header", "nav", "main", "footer")] == [1] * 4
    assert all("aria-labelledby" in one for one in tree.of("section"))
    assert all(one.get("scope") in ("col", "row") for one in tree.of("th"))
    assert len(tree.of("caption")) == len(tree.of("table"))


def test_headline_and_change(page: str) -> None:
    """75 flagged records against the median of 40 and 60, and so on."""
    text = words(page)
    assert "75 of 1,000 scored records were flagged (7.50 %)" in text
    assert "+50 % against the usual 50" in text
    assert "as usual (1,000)" in text
    assert "3 incidents; the worst is on Camera 10" in text


def test_figures_with_labels_are_marked(page: str) -> None:
    """Data, weaknesses of N-BaIoT, and how each threshold was chosen stand beside the figures."""
    text = words(page)
    for needed in (
        "Data: a part of N-BaIoT, or other data",
        "60.0 % of the measured records are attacks",
        "capture clock leaks",
        "share attack captures",
        "chosen with labels",
        "Detection rate* ",
        "* with labels",
        "trained or calibrated the model",
    ):
        assert needed in text, needed


def test_without_labels_nothing_is_claimed(plain_page: str) -> None:
    """No curve, no matrix, no scorecard, and a sentence that says why."""
    text = words(plain_page)
    assert "None of the scored records has a label" in text
    for claim in (
        "False positive",
        "Detection rate",
        "AUC",
        "F1",
        "Confusion",
        "N-BaIoT's capture clock",
    ):
        assert claim not in text, claim
    assert "first day" in text
    assert text.count("./spark-submit.sh explain --warehouse DIR") == 2
    assert "No line and no file was ever refused" in text


def test_a_night_without_labels_among_labelled_ones_says_so(
    labelled: Night, pictures: dict[str, Picture]
) -> None:
    """Figures of other nights are shown as such."""
    assert labelled.evaluation is not None
    evaluation = replace(labelled.evaluation, night_labelled=False)
    text = words(render(replace(labelled, evaluation=evaluation), pictures))
    assert "these figures are of other days" in text
    assert "This day has no labels" in text


def test_benign_labels_alone_give_false_alarms_and_no_curve(labelled: Night) -> None:
    """Without a labelled attack there is no curve, but a target false positive rate."""
    assert labelled.evaluation is not None
    hybrid = replace(
        labelled.evaluation.figures[0], tp=0, fn=0, recall_attack=None, precision_attack=0.0,
        f1_attack=None, balanced_accuracy=None, roc_auc=None,
    )  # fmt: skip
    heat = replace(labelled.evaluation.heat, attacks=(), cells=())
    evaluation = replace(labelled.evaluation, figures=(hybrid,), curves=(), heat=heat)
    night = replace(labelled, evaluation=evaluation, shapley=None)
    drawn = draw(night)
    assert set(drawn) == {"dataset_composition", "scores_hybrid"}
    text = words(render(night, drawn))
    assert "All labelled records are of one kind" in text
    assert "False positive rate: target and observed" in text
    assert "Confusion" not in text


def test_a_model_without_a_threshold_judges_nothing(unlabelled: Night) -> None:
    """``batch_minmax`` without labels flags no record; that is not the same as none flagged."""
    days = tuple(replace(one, flagged=None) for one in unlabelled.days)
    devices = tuple(replace(one, flagged=None, trend=(None,)) for one in unlabelled.devices)
    cards = tuple(replace(one, threshold=None) for one in unlabelled.model.detectors)
    shapes = tuple(replace(one, threshold=None) for one in unlabelled.shapes)
    night = replace(
        unlabelled, days=days, devices=devices, shapes=shapes,
        model=replace(unlabelled.model, detectors=cards, promised=None),
    )  # fmt: skip
    text = words(render(night, draw(night)))
    assert "None is flagged: the model has no threshold yet" in text
    assert "none yet: nothing is flagged" in text


def test_the_same_night_gives_the_same_bytes(
    labelled: Night, pictures: dict[str, Picture], page: str
) -> None:
    """Drawn and rendered again, nothing differs; of another time, only the time."""
    again = draw(labelled)
    assert {name: one.png for name, one in again.items()} == {
        name: one.png for name, one in pictures.items()
    }
    assert render(labelled, again) == page
    later = render(replace(labelled, made_at=labelled.made_at.replace(year=2027)), again)
    assert later.replace("2027", "2026") == page
