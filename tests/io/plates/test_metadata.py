"""What CellVoyager, Harmony and MetaXpress write, shortened by hand."""

from __future__ import annotations

import pytest

from nucseg_tf.io.plates.folder import read_plate
from nucseg_tf.io.plates.metadata import Metadata, number_of, read_metadata

BTS = 'xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"'
MRF = f"""<?xml version="1.0" encoding="utf-8"?>
<bts:MeasurementDetail bts:MeasurementSettingFileName="{{settings}}" bts:ColumnCount="24"
  bts:RowCount="16" {BTS}>
  <bts:MeasurementSamplePlate bts:Name="PL1" />
  <bts:MeasurementChannel bts:Ch="1" bts:HorizontalPixelDimension="0.65"
    bts:VerticalPixelDimension="2" />
  <bts:MeasurementChannel bts:Ch="2" bts:HorizontalPixelDimension="1.3" />
</bts:MeasurementDetail>"""
MES = f"""<bts:MeasurementSetting {BTS}><bts:ChannelList>
  <bts:Channel bts:Ch="1" bts:Target="DAPI" bts:Acquisition="BP445/45" />
  <bts:Channel bts:Ch="2" bts:Target="" bts:Acquisition="BP525/50" />
</bts:ChannelList></bts:MeasurementSetting>"""
HEAD = """<?xml version="1.0" encoding="utf-8"?>
<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5"><Plates><Plate>
<PlateRows>8</PlateRows><PlateColumns>12</PlateColumns></Plate></Plates>"""
IMAGES = (
    HEAD
    + """<Images>
<Image><ChannelID>2</ChannelID><ChannelName>GFP &amp; co</ChannelName>
<ImageResolutionX Unit="m">5.9E-07</ImageResolutionX></Image>
<Image><ChannelID>1</ChannelID><ChannelName>DAPI</ChannelName>
<ImageResolutionX Unit="m">1E-06</ImageResolutionX></Image></Images></EvaluationInputData>"""
)
MAPS = (
    HEAD
    + """<Maps><Map><Entry ChannelID="1"><ChannelName>DAPI</ChannelName>
<ImageResolutionX Unit="m">5.9E-07</ImageResolutionX></Entry>
<Entry ChannelID="2"><ChannelName>GFP &amp; co</ChannelName></Entry></Map></Maps>
<Images><Image><ChannelID>1</ChannelID></Image></Images></EvaluationInputData>"""
)
HTD = """"HTSInfoFile", Version 1.0
"XWells", 24
"YWells", 16
"NWavelengths", 2
"WaveName1", "DAPI, low"
"WaveName2", "FITC"
"EndFile"
"""


def test_cellvoyager(tmp_path):
    (tmp_path / "MeasurementDetail.mrf").write_text(MRF.format(settings="S.mes"))
    (tmp_path / "S.mes").write_text(MES)
    found, troubles = read_metadata([tmp_path], 2)
    assert found == Metadata({1: "DAPI", 2: "BP525/50"}, 0.65, 16, 24)
    assert troubles == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MeasurementDetail.mrf", '<MeasurementDetail RowCount="0" ColumnCount="0"/>'),
        ("Index.xml", "<P><PlateRows>0</PlateRows><PlateColumns>0</PlateColumns></P>"),
        ("a.HTD", '"XWells", 0\n"YWells", 0\n'),
    ],
)
def test_no_plate_has_no_wells(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_metadata([tmp_path], 1) == (Metadata(), [])


@pytest.mark.parametrize("settings", ["missing.mes", "../S.mes", "MeasurementDetail.mrf", ""])
def test_settings_are_looked_for_beside_only(tmp_path, settings):
    folder = tmp_path / "plate"
    folder.mkdir()
    (tmp_path / "S.mes").write_text(MES)
    (folder / "MeasurementDetail.mrf").write_text(MRF.format(settings=settings))
    found, troubles = read_metadata([folder], 2)
    assert found == Metadata({}, 0.65, 16, 24)
    assert troubles == []


@pytest.mark.parametrize("text", [IMAGES, MAPS])
@pytest.mark.parametrize("name", ["Index.idx.xml", "Index.ref.xml", "Index.xml"])
def test_harmony(tmp_path, text, name):
    (tmp_path / name).write_text(text)
    found, troubles = read_metadata([tmp_path / "none", tmp_path], 2)
    assert found.channels == {1: "DAPI", 2: "GFP & co"}
    assert found.pixel_size == pytest.approx(0.59)
    assert (found.rows, found.columns, troubles) == (8, 12, [])


def test_harmony_is_read_only_until_all_is_known(tmp_path):
    (tmp_path / "Index.idx.xml").write_text(MAPS.split("<Images>")[0] + " " * 2**20 + "<broken")
    found, troubles = read_metadata([tmp_path], 2)
    assert (len(found.channels), troubles) == (2, [])


def test_metaxpress(tmp_path):
    (tmp_path / "P.HTD").write_text(HTD)
    found, troubles = read_metadata([tmp_path], 2)
    assert found == Metadata({1: "DAPI, low", 2: "FITC"}, None, 16, 24)
    assert troubles == []


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", "1e9", "x", ""])
def test_pixel_sizes_that_cannot_be_are_unknown(tmp_path, size):
    text = MRF.format(settings="").replace("0.65", size).replace('"1.3"', '""')
    (tmp_path / "MeasurementDetail.mrf").write_text(text)
    assert read_metadata([tmp_path], 2)[0].pixel_size is None


def test_numbers_of_channels():
    assert [number_of(name) for name in ("C01", "w4", "ch10", "A02_C03", "DAPI")] == [
        *(1, 4, 10, 3),
        None,
    ]


def test_a_plate_gets_names_pixel_size_and_its_size(tmp_path):
    images = tmp_path / "Images"
    images.mkdir()
    for channel in (1, 2, 3):
        (images / f"r02c03f01p01-ch{channel}sk1fk1fl1.tiff").touch()
    (images / "Index.idx.xml").write_text(IMAGES)
    plate = read_plate(tmp_path)
    assert plate.channel_names == {"ch1": "DAPI", "ch2": "GFP & co"}
    assert plate.pixel_size == pytest.approx(0.59)
    assert (plate.rows, plate.columns) == (8, 12)


@pytest.mark.parametrize(("well", "size"), [("P12", (16, 24)), ("B13", (16, 24)), ("H12", (8, 12))])
def test_a_plate_smaller_than_its_wells_is_not_believed(tmp_path, well, size):
    for name in ("B03", well):
        (tmp_path / f"P_{name}_s1_w1.tif").touch()
    (tmp_path / "P.htd").write_text(HTD.replace("24", "12").replace("16", "8"))
    plate = read_plate(tmp_path)
    assert (plate.rows, plate.columns) == size


def test_damage_is_an_oddity_and_the_plate_is_read(tmp_path):
    (tmp_path / "P_B03_T0001F001L01A01Z01C01.tif").touch()
    (tmp_path / "MeasurementDetail.mrf").write_text(MRF[:200])
    plate = read_plate(tmp_path)
    assert len(plate.fields) == 1
    (text,) = plate.oddities()
    assert "MeasurementDetail.mrf: cannot be read as XML" in text
