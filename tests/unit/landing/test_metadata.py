"""The three metadata files, as the original writes them and as people damage them."""

from __future__ import annotations

import pytest

from iotscore.errors import InputError
from iotscore.features import SOURCE_FEATURES
from iotscore.landing.metadata import Metadata, parse_summary, read_metadata

DEVICES = b"DeviceID,DeviceName\r\n1,Danmini_Doorbell\r\n2,Ecobee_Thermostat\r\n"
SUMMARY = (
    b"File Name, Data Count, Feature Count\r\n"
    b"1.benign.csv,49548,115\r\n"
    b"1.gafgyt.combo.csv,59718,115\r\n"
)
FEATURE_LIST = "\r\n".join(["Feature Name,Feature Description", *SOURCE_FEATURES, ""]).encode()


def test_the_original_form_is_read() -> None:
    """A space after each comma of the header and CRLF line ends are the original's form."""
    texts = {
        "device_info.csv": DEVICES,
        "data_summary.csv": SUMMARY,
        "features.csv": FEATURE_LIST,
    }
    assert read_metadata(texts) == Metadata(
        devices={1: "Danmini_Doorbell", 2: "Ecobee_Thermostat"},
        expected_rows={"1.benign.csv": 49548, "1.gafgyt.combo.csv": 59718},
    )
    assert parse_summary(SUMMARY) == {"1.benign.csv": 49548, "1.gafgyt.combo.csv": 59718}


@pytest.mark.parametrize(
    "text",
    [
        SUMMARY.replace(b"\r\n", b"\n"),
        SUMMARY.replace(b"\r\n", b"\r"),
        b"\xef\xbb\xbf" + SUMMARY,
        SUMMARY.rstrip(b"\r\n"),
        SUMMARY + b"\r\n,,\r\n\r\n",
        SUMMARY.replace(b",", b" , "),
        (
            b'"Data Count",x,"File Name",Feature Count\n'
            b'49548,,1.benign.csv,115\n59718,y,"1.gafgyt.combo.csv",115\n'
        ),
    ],
    ids=["lf", "cr", "mark", "no final line end", "blank rows", "spaces", "other columns"],
)
def test_other_spellings_are_read(text: bytes) -> None:
    """What editors and spreadsheets do to the file does not change its meaning."""
    assert parse_summary(text) == {"1.benign.csv": 49548, "1.gafgyt.combo.csv": 59718}


@pytest.mark.parametrize("text", [b"", b"\r\n\r\n"])
def test_absent_and_empty_files_say_nothing(text: bytes) -> None:
    """Every metadata file may be absent or empty; then nothing is known."""
    assert read_metadata({}) == Metadata({}, {})
    assert read_metadata({"device_info.csv": text, "data_summary.csv": text}) == Metadata({}, {})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("device_info.csv", b"ID,Name\n1,a\n", "lacks the columns"),
        ("device_info.csv", b"\xef\xbb\xbf", "lacks the columns"),
        ("device_info.csv", b"DeviceID,DeviceName\nx,a\n", "'x' as DeviceID"),
        ("device_info.csv", b"DeviceID,DeviceName\n-1,a\n", "'-1' as DeviceID"),
        ("device_info.csv", b"DeviceID,DeviceName\n1\n", "no DeviceName"),
        ("device_info.csv", b"DeviceID,DeviceName\n1,  \n", "no DeviceName"),
        ("device_info.csv", b"DeviceID,DeviceName\n1,caf\xe9\n", "no UTF-8 text"),
        ("device_info.csv", b"DeviceID,DeviceName\n1," + b"x" * 200_000, "no CSV file"),
        ("data_summary.csv", b"File Name;Data Count\n", "lacks the columns"),
        ("data_summary.csv", SUMMARY.replace(b"49548", b"4e4"), "'4e4' as Data Count"),
        ("data_summary.csv", SUMMARY.replace(b"49548", b""), "'' as Data Count"),
        ("data_summary.csv", SUMMARY.replace(b"49548", b"9" * 5000), "at most 18 digits"),
        ("data_summary.csv", SUMMARY.replace(b"49548,115", b"7"), "'' as Feature Count"),
        ("data_summary.csv", SUMMARY.replace(b"49548,115", b"49548,23"), "has 23 features"),
        ("data_summary.csv", SUMMARY.replace(b"1.benign.csv", b""), "no File Name"),
        ("features.csv", FEATURE_LIST.replace(b"H_L1_mean\r\n", b"", 1), "lists 114 features"),
        ("features.csv", b"Feature\nx\n", "lacks the columns"),
        ("features.csv", b"", "lists 0 features"),
    ],
)
def test_damage_is_told(name: str, text: bytes, told: str) -> None:
    """A file that cannot be what it should be is an error that names file and fault, shortly."""
    with pytest.raises(InputError, match=told) as caught:
        read_metadata({name: text})
    assert name in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_missing_feature_is_named() -> None:
    """A feature list that lacks one of the 115 says which."""
    with pytest.raises(InputError, match=r"lacks \['HH_jit_L0\.1_mean'\] \(1 in all\)"):
        read_metadata({"features.csv": FEATURE_LIST.replace(b"HH_jit_L0.1_mean\r\n", b"", 1)})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("device_info.csv", DEVICES + b"1,Other\r\n"),
        ("data_summary.csv", SUMMARY + b"1.benign.csv,7,115\r\n"),
    ],
)
def test_contradictions_are_told(name: str, text: bytes) -> None:
    """Two names of one device or two counts of one file are a fault; a plain repeat is none."""
    with pytest.raises(InputError, match="listed twice"):
        read_metadata({name: text})
    plain = {"device_info.csv": DEVICES, "data_summary.csv": SUMMARY}[name]
    rows = plain.partition(b"\n")[2]
    assert read_metadata({name: plain + rows}) == read_metadata({name: plain})
