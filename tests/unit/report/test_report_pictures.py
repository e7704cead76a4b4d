"""The pictures: real images, safe with any name, readable in both modes."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from iotscore.report.charts import composition_picture, roc_picture, scorecard_picture
from iotscore.report.folder import FILES
from iotscore.report.theme import DARK, LIGHT

if TYPE_CHECKING:
    from iotscore.report.night import Night
    from iotscore.report.theme import Picture


def test_all_pictures_of_the_reports_are_drawn(pictures: dict[str, Picture]) -> None:
    """Each is a PNG of some size in which more than a few shades occur."""
    assert set(FILES) <= set(pictures)
    for picture in pictures.values():
        with Image.open(io.BytesIO(picture.png)) as image:
            pixels = np.asarray(image.convert("L"))
        assert min(pixels.shape) > 200, picture.name
        assert pixels.std() > 5, picture.name


def test_an_svg_takes_its_colours_from_the_page(pictures: dict[str, Picture]) -> None:
    """Well-formed, without a colour of its own, without a fixed size, without script."""
    drawn = [one for one in pictures.values() if one.inline.startswith("<svg")]
    assert len(drawn) == 4
    for picture in drawn:
        root = ET.fromstring(str(picture.inline))  # noqa: S314 - our own
        assert "width" not in root.attrib
        assert not re.findall(r"(?:fill|stroke): #\w+", picture.inline), picture.name
        assert not [one for one in root.iter() if one.tag.endswith(("script", "metadata"))]


def test_names_are_drawn_as_they_are(labelled: Night) -> None:
    """Neither mathematics nor markup nor letters that the font lacks stop a picture."""
    names = ("$x$", "$\\frac{", "</text><script>", "测试 🎥", "tab\there", "a" * 99, "")
    devices = tuple((name, (5, 3, 1)) for name in names)
    picture = composition_picture(replace(labelled.composition, devices=devices), "made up")
    texts = [one.text for one in ET.fromstring(str(picture.inline)).iter() if one.text]  # noqa: S314
    for name in ("$x$", "$\\frac{", "</text><script>", "测试 🎥", "tab\\there"):
        assert name in texts
    assert "35 benign, 21 mirai, 7 unlabelled" in picture.alternative


def test_alternative_texts_hold_figures_and_data(pictures: dict[str, Picture]) -> None:
    """Who does not see a picture hears the same figures, and on which data."""
    texts = {name: one.alternative for name, one in pictures.items()}
    assert "hybrid score 0.9700" in texts["comparative_roc_curve"]
    assert "attacks detected (recall) 98.33 %" in texts["performance_scorecard"]
    assert "threshold set without labels" in texts["performance_scorecard"]
    assert all("Data: a part of N-BaIoT" in one for one in texts.values())


def test_nothing_to_compare_is_no_picture(labelled: Night) -> None:
    """Without curves, or without the hybrid score, there is no picture of them."""
    assert labelled.evaluation is not None
    assert roc_picture(replace(labelled.evaluation, curves=()), "made up") is None
    others = tuple(one for one in labelled.evaluation.figures if one.detector != "hybrid")
    assert scorecard_picture(replace(labelled.evaluation, figures=others), "made up") is None


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast(palette: dict[str, str]) -> None:
    """Texts have 4.5 : 1 on paper, lines and areas 3 : 1 (WCAG 2.2 AA)."""
    paper = palette["paper"]
    assert min(contrast(palette[name], paper) for name in ("ink", "muted", "hybrid")) >= 4.5
    shown = set(palette) - {"paper", "grid"}
    assert {name for name in shown if contrast(palette[name], paper) < 3} == set()


def test_tints_carry_text(page: str) -> None:
    """Marks and cells have 4.5 : 1 between text and tint, in both modes."""
    for mode, palette in (
        (page.partition("@media screen")[0], LIGHT),
        (page.partition("@media screen")[2], DARK),
    ):
        own = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", mode))
        for tint in ("good-tint", "bad-tint", "warn-tint", "soft", "back"):
            assert contrast(palette["ink"], own[tint]) >= 4.5, tint
        assert contrast(own["warn"], own["warn-tint"]) >= 4.5
        assert contrast(palette["muted"], own["soft"]) >= 4.5
        assert contrast(palette["muted"], own["back"]) >= 4.5


def test_the_palettes_name_the_same_and_are_distinct() -> None:
    """A colour that stands for two things could not be replaced by its name."""
    assert set(LIGHT) == set(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)
