from __future__ import annotations

import re

import pytest

from nucseg_tf.errors import UsageError
from nucseg_tf.io.plates.names import PATTERNS, Name, own_pattern, recognise

GUID = "247376DD-6ADD-442D-AE47-F54A05F3EA94"
CASES = {
    "CellVoyager": {
        "AssayPlate_Greiner_#655090_B03_T0002F012L01A03Z04C05.tif": Name(
            "AssayPlate_Greiner_#655090", (2, 3), 12, "C05", "A03", 4, 2
        ),
        "20200812-Cycle1_P24_T0001F001L01A01Z01C01.png": Name(
            "20200812-Cycle1", (16, 24), 1, "C01", "A01", 1, 1
        ),
        "DC_Andor #1_CAM1.tif": None,  # a correction of the camera
        "x_Q03_T0001F001L01A01Z01C01.tif": Name("x", (17, 3), 1, "C01", "A01", 1, 1),
        "x_B49_T0001F001L01A01Z01C01.tif": None,  # no plate has that well
    },
    "MetaXpress": {
        "Plate1_B03_s2_w4.TIF": Name("Plate1", (2, 3), 2, "w4", "", 0, 0),
        f"a_b_B03_s12_w2{GUID}.tif": Name("a_b", (2, 3), 12, "w2", "", 0, 0),
        "TimePoint_3/ZStep_5/P_C02_s1_w1.tif": Name("P", (3, 2), 1, "w1", "", 5, 3),
        "deep/P/TimePoint_3/P_C02_w1.tif": Name("P", (3, 2), 1, "w1", "", 0, 3),
        "ZStep_2/P_C02_s3.tif": Name("P", (3, 2), 3, "1", "", 2, 0),
        "ZStep_2/ZStep_/C02_s1_w1.tif": Name("", (3, 2), 1, "w1", "", 2, 0),
        "A01_s1_w1.tif": Name("", (1, 1), 1, "w1", "", 0, 0),
        "P_C02.tif": None,
    },
    "ImageXpress HCS.ai": {
        "Prot_1_t4_C05_s0_w3_z2.tif": Name("Prot_1", (3, 5), 0, "w3", "", 2, 4),
    },
    "Harmony": {
        "r02c13f05p03-ch4sk7fk1fl1.tiff": Name("", (2, 13), 5, "ch4", "", 3, 7),
        "Images/r16c01f123p01-ch1sk1fk1fl1.tiff": Name("", (16, 1), 123, "ch1", "", 1, 1),
        "r01c02f03p01rc2-ch1sk1fk1fl1.tiff": Name("", (1, 2), 3, "ch1", "rc2", 1, 1),
    },
    "IN Cell": {
        "B - 03(fld 1 wv DAPI - DAPI).tif": Name("", (2, 3), 1, "DAPI", "", 0, 0),
        "A - 01(fld 02 wv UV - DAPI z 3 time 2 - 2636ms).tif": Name(
            "", (1, 1), 2, "UV - DAPI", "", 3, 2
        ),
        "B - 4(fld 1 wv Cy5 - Cy5- time 7 - 600 ms).tif": Name("", (2, 4), 1, "Cy5", "", 0, 7),
        "Plate1_A - 01(fld 1 wv 390 - Blue).tif": Name("Plate1", (1, 1), 1, "390 - Blue", "", 0, 0),
        "A - 13(fld 2).tif": Name("", (1, 13), 2, "1", "", 0, 0),
    },
    "IN Cell 7.2": {
        "C_12_f2_c1_xUV_mDAPI_z3_t4.tif": Name("", (3, 12), 2, "xUV_mDAPI", "", 3, 4),
    },
    "ScanR": {
        "B3--W00015--P00002--Z00004--T00006--DAPI.tif": Name("", (2, 3), 2, "DAPI", "", 4, 6),
        "--W00015--P00002--Z00000--T00000--Trans-CSU.tif": Name(
            "", (2, 3), 2, "Trans-CSU", "", 0, 0
        ),
        "DMSO--W00001--P00001--Z00000--T00000--488nm.tif": Name("", (1, 1), 1, "488nm", "", 0, 0),
        "--W00000--P00001--Z00000--T00000--488nm.tif": None,
    },
    "Cellomics": {
        "MFGTMP_150903100001_B03f12d1.tif": Name("MFGTMP_150903100001", (2, 3), 12, "d1", "", 0, 0),
    },
}
BY_TITLE = {pattern.title: pattern for pattern in PATTERNS}


@pytest.mark.parametrize(
    ("title", "path", "name"),
    [(title, path, name) for title, cases in CASES.items() for path, name in cases.items()],
)
def test_what_names_say(title, path, name):
    assert BY_TITLE[title].read(path, columns=12) == name


def test_each_kind_is_tested_and_matches_its_example_alone():
    assert set(CASES) == set(BY_TITLE)
    for pattern in PATTERNS:
        assert [p for p in PATTERNS if p.matches(pattern.example)] == [pattern]
        assert pattern.read(pattern.example).place == (2, 3)


def test_folders_around_the_images_do_not_matter():
    for pattern in PATTERNS:
        assert pattern.read(f"x-1/data_B09/{pattern.example}") == pattern.read(pattern.example)


@pytest.mark.parametrize("title", CASES)
def test_folders_of_each_kind_are_recognised(title):
    paths = [path for path, name in CASES[title].items() if name]
    assert recognise(paths, "folder") is BY_TITLE[title]


def test_thumbnails_are_left_out():
    pattern = BY_TITLE["MetaXpress"]
    assert pattern.leaves_out(f"TimePoint_1/P_B03_s1_w1_thumb{GUID}.tif")
    assert not pattern.leaves_out(f"a_thumb/P_B03_s1_w1{GUID}.tif")
    paths = ["P_B03_s1_w1.tif", "P_B03_s1_w1_thumb.tif"]
    assert recognise(paths, "f") is pattern  # although half of the names match


def test_more_than_half_must_match():
    good = "P_B03_T0001F001L01A01Z01C01.tif"
    assert recognise([good, good, "x.tif"], "f").title == "CellVoyager"
    with pytest.raises(UsageError) as caught:
        recognise(["what.tif", good], "folder")
    text = str(caught.value)
    assert text.startswith("folder: names of 2 images are of no known kind, for instance what.tif")
    assert re.search(r"CellVoyager +1 ", text)
    assert re.search(r"Harmony +0  r02c03", text)
    assert "--pattern '(?P<plate>.+)_(?P<well>" in text


def test_two_kinds_at_once_are_ambiguous(monkeypatch):
    twin = own_pattern(r"(?P<plate>.+)_(?P<well>\w\d\d)_T.*")
    monkeypatch.setattr("nucseg_tf.io.plates.names.PATTERNS", (*PATTERNS, twin))
    with pytest.raises(UsageError, match="two kinds, CellVoyager and --pattern"):
        recognise(["P_B03_T0001F001L01A01Z01C01.tif"], "f")


def test_wells_that_are_counted_need_the_columns():
    pattern, path = BY_TITLE["ScanR"], "--W00025--P00001--Z00000--T00000--x.tif"
    assert pattern.read(path, 12).place == (3, 1)
    assert pattern.read(path, 24).place == (2, 1)
    assert pattern.read(path, 1).place == (25, 1)
    with pytest.raises(UsageError, match=r"W00025.*--columns 12"):
        pattern.read(path)


def test_own_patterns_describe_names_or_paths():
    name = own_pattern(r"(?P<row>\d+)-(?P<column>\d+)_(?P<channel>\w+)\.tif")
    assert name.read("a/b/2-3_red.tif") == Name("", (2, 3), 1, "red", "", 0, 0)
    assert name.read("2-3_red.tif.bak") is None  # the whole name
    path = own_pattern(r"(?P<plate>[^/]+)/(?P<well>\w+)/(?P<field>\d+)\.png")
    assert path.read("P1/c02/7.png") == Name("P1", (3, 2), 7, "1", "", 0, 0)
    assert path.read("x/P1/c02/7.png") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(", "no regular expression"),
        (r"(?P<wel>\w+)", "unknown group wel; did you mean 'well'"),
        (r"(?P<zebra>\w+)", "expected one of plate, well"),
        (r"(?P<field>\d+)", "does not say which well"),
        (r"(?P<row>\w)", "does not say which well"),
    ],
)
def test_patterns_that_are_none(text, message):
    with pytest.raises(UsageError, match=message):
        own_pattern(text)


def test_numbers_must_be_numbers():
    pattern = own_pattern(r"(?P<well>\w{3})_(?P<field>\w+)\.tif")
    with pytest.raises(UsageError, match=r"B03_x\.tif: group field of the pattern is 'x'"):
        pattern.read("B03_x.tif")
