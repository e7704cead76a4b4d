"""The report's page in a real browser: nothing fails, tables sort, phones and dark rooms fit."""

from __future__ import annotations

import base64
import io
import runpy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from iotscore.report.folder import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
NIGHTS = runpy.run_path(str(ROOT / "tests" / "unit" / "report" / "nights.py"))
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where the page of a night with everything is."""
    page, *_ = write_report(NIGHTS["labelled_night"](), tmp_path_factory.mktemp("report"))
    return page.as_uri()


@pytest.fixture(scope="module")
def chrome(address: str) -> Iterator[Chrome]:
    """Return a browser without a window, on the page; it is started once."""
    if BROWSER is None or DRIVER is None:
        pytest.skip("no chromium with chromedriver on the PATH: make browser installs them")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    # A container gives a browser neither a sandbox of its own nor much shared memory.
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get(address)
    yield driver
    driver.quit()


def emulate(chrome: Chrome, width: int, scheme: str) -> None:
    """Make the browser one of a width, in a colour scheme."""
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def screenshot(chrome: Chrome) -> np.ndarray:
    """Return what is seen, as shades of grey."""
    shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as image:
        return np.asarray(image.convert("L"), dtype=float)


def column(chrome: Chrome, section: str, number: int) -> list[str]:
    """Return the texts of a column of a section's first table, from top to bottom."""
    script = (
        "return [...document.querySelector(`#${arguments[0]} table`).tBodies[0].rows]"
        ".map((row) => row.cells[arguments[1]].textContent.trim())"
    )
    texts: list[str] = chrome.execute_script(script, section, number)
    return texts


def sort_order(chrome: Chrome, section: str) -> list[str | None]:
    """Return ``aria-sort`` of each heading of a section's first table."""
    script = (
        "return [...document.querySelector(`#${arguments[0]} table`).tHead.rows[0].cells]"
        ".map((cell) => cell.getAttribute('aria-sort'))"
    )
    orders: list[str | None] = chrome.execute_script(script, section)
    return orders


def heading(chrome: Chrome, section: str, number: int) -> Any:  # noqa: ANN401 - no types there
    """Return the button in a heading."""
    from selenium.webdriver.common.by import By

    found = chrome.find_elements(By.CSS_SELECTOR, f"#{section} thead th")
    return found[number].find_element(By.TAG_NAME, "button")


def test_it_renders_without_an_error(chrome: Chrome) -> None:
    """No message in the console, no hostile script ran, every picture is there."""
    assert chrome.get_log("browser") == []
    assert chrome.title == "iotscore: report for 24 November 2026"
    broken = "return [...document.images].filter((one) => !one.naturalWidth).length"
    assert chrome.execute_script(broken) == 0
    flat = (
        "return [...document.querySelectorAll('svg')].filter("
        "(one) => one.getBoundingClientRect().height < 5).length"
    )
    assert chrome.execute_script(flat) == 0


def test_tables_sort_by_click_and_by_keyboard(chrome: Chrome) -> None:
    """Numbers as numbers, names as people count, what has no figure last."""
    from selenium.webdriver.common.keys import Keys

    emulate(chrome, 1280, "light")
    hostile = " ".join(NIGHTS["HOSTILE"].split())
    assert column(chrome, "devices", 1) == ["50", "20", "5"]
    assert sort_order(chrome, "devices")[:2] == [None, "descending"]
    heading(chrome, "devices", 1).click()
    assert column(chrome, "devices", 1) == ["5", "20", "50"]
    assert sort_order(chrome, "devices")[:2] == [None, "ascending"]
    heading(chrome, "devices", 0).send_keys(Keys.ENTER)
    assert column(chrome, "devices", 0) == [hostile, "Camera 9", "Camera 10"]
    assert sort_order(chrome, "devices")[:2] == ["ascending", None]
    heading(chrome, "devices", 0).send_keys(Keys.SPACE)
    assert column(chrome, "devices", 0) == ["Camera 10", "Camera 9", hostile]
    detected = 6
    for expected in (["99.00 %", "98.00 %", "—"], ["98.00 %", "99.00 %", "—"]):
        heading(chrome, "devices", detected).click()
        assert column(chrome, "devices", detected) == expected


def test_it_fits_a_phone(chrome: Chrome) -> None:
    """At 375 pixels nothing but tables and the sections' bar is wider than the page."""
    emulate(chrome, 375, "light")
    assert chrome.execute_script("return document.documentElement.scrollWidth") == 375
    wide = (
        "return [...document.querySelectorAll('main *')].filter((one) => "
        "!one.closest('.scroll, svg') && one.getBoundingClientRect().right > 375.5"
        ").map((one) => one.outerHTML.slice(0, 80))"
    )
    assert chrome.execute_script(wide) == []
    assert screenshot(chrome).std() > 20


def test_dark_rooms_get_a_dark_page(chrome: Chrome) -> None:
    """Page and pictures change their colours; so do the screenshots."""
    ink = (
        "return getComputedStyle(document.querySelector('#data svg text')).fill"
        " + getComputedStyle(document.body).backgroundColor"
    )
    seen = {}
    for scheme in ("light", "dark"):
        emulate(chrome, 1280, scheme)
        chrome.execute_script(
            "document.querySelector('#detection').scrollIntoView({behavior: 'instant'})"
        )
        seen[scheme] = (chrome.execute_script(ink), screenshot(chrome))
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1].mean() > 200
    assert seen["dark"][1].mean() < 70
    assert min(shot.std() for _, shot in seen.values()) > 15
