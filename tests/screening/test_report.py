from __future__ import annotations

import json
import re
import subprocess

import cv2
import numpy as np
import pytest

from nucseg_tf.screening.content import label_of
from nucseg_tf.screening.report import write_report

COLUMNS = {
    "image": "O",
    "plate": "O",
    "well": "O",
    "row": "O",
    "column": "i",
    "field": "i",
    "label": "i",
    "area_px": "i",
    "area_um2": "f",
    "DAPI_mean": "f",
    "DAPI_ring_mean": "f",
}
GOOD = {"focus": 1.0, "saturated": 0.0, "uneven": 0.1, "debris": 0.0, "covered": 0.2}


def entry(well, field, nuclei, plate="P1", **quality):
    row, column = well[0], int(well[1:])
    image = f"{plate}_{well}_{field}.tif"
    origin = {"image": image, "plate": plate, "well": well, "row": row, "column": column}
    return {**origin, "field": field, "nuclei": nuclei, "quality": {**GOOD, **quality}}


def write(folder, entries, columns=COLUMNS, failures=(), **more):
    """A folder of results: nucleus k of a field has an area of 100 + k px."""
    folder.mkdir(exist_ok=True)
    names = list(columns)
    lines = [",".join(names)]
    for each in entries:
        for k in range(each["nuclei"]):
            values = {**each, "label": k + 1, "area_px": 100 + k, "DAPI_mean": 7.5}
            lines.append(",".join(str(values.get(name, "")) for name in names))
    (folder / "objects.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    record = {"command": "predict", "model": {"name": "fpn"}, "started": "2026-01-02T03:04:05"}
    record |= {"images": entries, "columns": columns, "failures": list(failures), **more}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def content(page):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    )


def make(folder, *arguments, **more):
    page = write_report(write(folder, *arguments, **more)).read_text(encoding="utf-8")
    return page, content(page)


def cards(page):
    return {name: number for number, name in re.findall(r"<div><b>([\d,]+)</b>([^<]+)</div>", page)}


@pytest.fixture
def plate():
    """Row A of column 1 and row C of column 12: no two wells mirror each other."""
    return [entry("C12", 1, 3), entry("A01", 1, 4), entry("A01", 2, 2, focus=0.2)]


def test_an_asymmetric_plate(tmp_path, plate):
    page, data = make(tmp_path, plate)
    assert "<title>Plate P1</title>" in page
    assert "<b>fpn</b>, 2026-01-02 03:04:05" in page
    assert cards(page) == {
        "wells": "2",
        "fields": "3",
        "nuclei": "9",
        "flagged": "1",
        "failed": "0",
    }
    assert data["plates"] == [{"name": "P1", "rows": 8, "columns": 12}]
    assert [(u["name"], u["place"], u["fields"]) for u in data["units"]] == [
        ("A01", [1, 1], [1, 2]),
        ("C12", [3, 12], [0]),
    ]
    metrics = {metric["key"]: metric for metric in data["metrics"]}
    assert list(metrics)[:4] == ["count", "flagged", "area_px", "DAPI_mean"]  # no µm, no rings
    assert metrics["count"]["mean"] == [3, 3]
    assert metrics["flagged"]["mean"] == [0.5, 0]
    assert metrics["area_px"]["mean"] == pytest.approx([(406 + 201) / 6, 101], abs=0.01)
    assert metrics["area_px"]["median"] == pytest.approx([(101.5 + 100.5) / 2, 101])
    assert metrics["area_px"]["n"] == [6, 3]
    assert [each["key"] for each in data["glance"]] == [
        *("count", "area_px", "DAPI_mean", "flagged", "quality focus"),
    ]
    assert [each["label"] for each in data["histograms"]] == ["Area (px)", "Mean intensity, DAPI"]
    assert sum(data["histograms"][0]["counts"]) == 9
    assert [field["flags"] for field in data["fields"]] == [[], [], [1]]
    assert data["flags"][1] == "out of focus"


def test_a_plate_has_the_size_that_is_known(tmp_path, plate):
    assert make(tmp_path, plate, plates={"P1": [16, 24]})[1]["plates"][0]["rows"] == 16
    known = make(tmp_path, plate, plates={"P1": [2, 3]})[1]["plates"][0]  # cannot be
    assert (known["rows"], known["columns"]) == (8, 12)


def test_several_plates(tmp_path, plate):
    page, data = make(tmp_path, [*plate, entry("P24", 1, 1, plate="P2")])
    assert "<title>2 plates</title>" in page
    assert [(each["name"], each["rows"]) for each in data["plates"]] == [("P1", 8), ("P2", 16)]
    assert data["units"][-1]["plate"] == "P2"


def test_fields_in_no_well_are_counted(tmp_path, plate):
    page, data = make(tmp_path, [*plate, entry("Z99", 1, 1)])
    assert cards(page)["in no well"] == "1"
    assert len(data["units"]) == 2
    assert len(data["fields"]) == 4


def test_images_without_wells(tmp_path):
    entries = [{"image": f"{name}.tif", "nuclei": n} for name, n in (("b", 2), ("a", 0))]
    columns = {"image": "O", "area_px": "i"}
    page, data = make(tmp_path / "screen", entries, columns)
    assert "<title>Nuclei of screen</title>" in page
    assert cards(page) == {"images": "2", "nuclei": "2", "flagged": "1", "failed": "0"}
    assert data["plates"] == []
    assert [unit["name"] for unit in data["units"]] == ["b.tif", "a.tif"]
    metrics = {metric["key"]: metric for metric in data["metrics"]}
    assert metrics["area_px"]["mean"] == [100.5, None]
    assert "quality focus" not in metrics


def test_nothing_at_all(tmp_path):
    page, data = make(tmp_path, [], failures=[{"image": "x.tif", "reason": "is empty"}])
    assert cards(page) == {"images": "0", "nuclei": "0", "flagged": "0", "failed": "1"}
    assert data["units"] == data["histograms"] == data["metrics"] == []


def test_no_nucleus(tmp_path):
    data = make(tmp_path, [entry("A01", 1, 0)])[1]
    assert data["histograms"] == []
    assert [metric["key"] for metric in data["metrics"]][:2] == ["count", "flagged"]


def test_failures_are_named(tmp_path, plate):
    failures = [{"image": f"{n}.tif", "reason": "is cut off"} for n in range(250)]
    page = make(tmp_path, plate, failures=failures)[0]
    assert page.count("is cut off") == 200
    assert "And 50 more, in failures.csv" in page


HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


def test_hostile_names_are_escaped(tmp_path, plate):
    bad = entry("B02", 1, 0, plate=HOSTILE) | {"image": HOSTILE}
    columns = {**COLUMNS, HOSTILE.replace('"', "").replace(",", "") + "_mean": "f"}
    failures = [{"image": HOSTILE, "reason": HOSTILE}]
    page, data = make(tmp_path, [bad], columns, failures, model={"name": HOSTILE})
    assert "<img src=x" not in page
    assert page.count("</script>") == 2
    assert data["fields"][0]["image"] == HOSTILE
    assert data["plates"][0]["name"] == HOSTILE


def test_names_that_are_no_text(tmp_path, plate):
    """Linux takes any bytes as a name; Python has them as lone surrogates."""
    odd = [{**plate[0], "nuclei": 0, "image": "a\udcff.tif", "name": "a\udcff"}]
    page, data = make(tmp_path, odd, failures=[{"image": "b\udcff.tif", "reason": "µ"}])
    assert data["fields"][0]["image"] == "a\udcff.tif"
    assert "b?.tif" in page
    assert '<td class="name">µ</td>' in page


def test_nothing_is_loaded_from_elsewhere(tmp_path, plate):
    (tmp_path / "P1_A01_1_thumbnail.jpg").touch()
    page, data = make(tmp_path, plate)
    assert not re.search(r"@import|url\((?!#)|src=\"(?!data:)|<link|<iframe", page)
    assert re.findall(r"https?://[^\"]*", page) == ["http://www.w3.org/2000/svg"]
    assert [field["picture"] for field in data["fields"]] == [None, "P1_A01_1_thumbnail.jpg", None]


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("area_um2", "Area (µm²)"),
        ("DAPI_mean", "Mean intensity, DAPI"),
        ("DAPI_ring_mean", "DAPI ring mean"),
        ("eccentricity", "Eccentricity"),
    ],
)
def test_labels(column, label):
    assert label_of(column) == label


def dump(chromium, report):
    """The page as a browser has it when its script has run."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--virtual-time-budget=3000", report.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_browser_draws_it(tmp_path, plate, chromium):
    for number, name in enumerate(("P1_A01_1", "P1_A01_2")):
        picture = np.full((8, 8, 3), 60 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f"{name}_thumbnail.jpg"), picture)
    write(tmp_path, [*plate, entry("B02", 1, 0, plate=f"Z{HOSTILE}")])
    page = dump(chromium, write_report(tmp_path))
    large = page[page.index('id="large"') : page.index('id="map-note"')]
    assert large.count('class="cell"') == 2
    assert large.count('class="missing"') == 8 * 12 - 2
    assert ">H</text>" in large
    assert ">12</text>" in large
    table = page[page.index('id="fields"') : page.index("<details>")]
    assert table.count("<tr>") == 3  # the head, one out of focus, one empty
    assert 'src="P1_A01_2_thumbnail.jpg"' in page  # of the worst
    assert "<img src=x" not in page.replace("&lt;", "")


def test_a_browser_draws_images_without_wells(tmp_path, chromium):
    entries = [{"image": f"{n}.tif", "nuclei": n} for n in range(5)]
    page = dump(chromium, write_report(write(tmp_path, entries, {"image": "O", "area_px": "i"})))
    large = page[page.index('id="large"') : page.index('id="map-note"')]
    assert large.count('class="dot"') == 5


def test_a_browser_draws_nothing(tmp_path, chromium):
    page = dump(chromium, write_report(write(tmp_path, [])))
    assert 'id="quality-note">None has a flag.' in page
    assert '<section id="map" hidden' in page
