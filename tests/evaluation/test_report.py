from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from evaluation.conftest import FIELDS, write

from nucseg_tf.errors import DataError
from nucseg_tf.evaluation.report import write_report


class Page(HTMLParser):
    """Tables as lists of rows of texts, and attributes that could load something."""

    def __init__(self, text: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1][-1] += f" {data}" if self.tables[-1][-1][-1] else data


@pytest.fixture
def page(both):
    """The report of both tools, as text."""
    return write_report(both[1]).read_text(encoding="utf-8")


def test_tables_show_the_scores(page):
    scores, errors, outlines, counts, details = Page(page).tables
    assert [cell for cell in scores[0] if cell] == ["F1 of FPN2-WS", "F1 of hand"]
    assert scores[1][:5] == ["Group", "IoU 0.7", "IoU 0.9", "IoU 0.7", "IoU 0.9"]
    assert scores[2][0] == "HCT-116"
    assert scores[2][1] == "0.400 n/a"
    assert scores[2][3:5] == ["1.000 n/a"] * 2
    # Areas of 9, 12, 9, 6, 2, 2, 4 px: the mean diameter is 2.70 px, and (0.35 / 1.35)^2 = 0.067.
    assert scores[1][5:] == ["Mean diameter, px", "One-pixel IoU", "Images", "Nuclei"]
    assert scores[2][5:] == ["2.7", "0.067", "2", "7"]
    assert [row[0] for row in scores[2:]] == ["HCT-116", "Other", "all images"]
    assert [cell.split()[0] for cell in errors[1][2:6]] == ["57.1", "71.4", "14.3", "14.3"]
    other = next(row for row in outlines if row[:2] == ["Other", "FPN2-WS"])
    assert other[2:] == ["n/a", "n/a", "0.000 n/a", "1.9"]
    assert counts[1] == ["HCT-116", "FPN2-WS", "7", "8", "+0.5", "-0.9 to +1.9"]
    assert [row[0] for row in details] == ["Method", "FPN2-WS", "hand"]


def test_nothing_is_loaded_from_elsewhere(page, both):
    parsed = Page(page)
    assert parsed.links
    assert all(link.startswith("data:image/") for link in parsed.links)
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    assert not re.search(r"@import|url\((?!#)|https?://", page)
    for figure in (both[1] / "figures").glob("*.svg"):
        links = re.findall(r'(?:href|src)="([^"]*)"', figure.read_text())
        assert all(link.startswith(("#", "data:")) for link in links)
        assert not re.search(r"@import|url\((?!#)", figure.read_text())


def test_it_says_how_scores_are_made(page):
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    for sentence in (
        "Above an IoU of 0.5 a nucleus can have one such partner at most",
        "(r − 1)² / r²",  # noqa: RUF001
        "2000 times",
        "average symmetric surface distance",
        "(n/a of fewer than 5 images: it would be far too narrow)",
        "somewhat too narrow below 20 images",
        "About 95 % of differences, if there are many images, lie within the limits of agreement",
    ):
        assert sentence in text


def test_figures_are_written_as_png_and_svg(page, both):
    names = {path.name for path in (both[1] / "figures").iterdir()}
    stems = ("f1_1", "f1_2", "f1_3", "errors", "counts")
    assert names == {f"{stem}.{suffix}" for stem in stems for suffix in ("png", "svg")}
    assert page.count('src="data:image/svg+xml;base64,') == len(stems)


def test_remade_it_is_the_same(page, both):
    before = {path: path.read_bytes() for path in (both[1] / "figures").iterdir()}
    assert write_report(both[1]).read_text(encoding="utf-8") == page
    assert {path: path.read_bytes() for path in (both[1] / "figures").iterdir()} == before


@pytest.mark.skipif(os.name == "nt", reason="no file may be called that")
def test_names_are_escaped(benchmark, folders):
    _, out = benchmark(f"tool={folders / 'tool'}")
    path = out / "benchmark.json"
    result = json.loads(path.read_text().replace("HCT-116", "<u>&group"))
    result["data"] = "<u>&data"
    result["runs"][0]["source"] = "<u>&source"
    image = next(iter(result["panels"]))
    (out / "panels" / image).rename(out / "panels" / "<u>&image")
    result["panels"] = {"<u>&image": result["panels"][image]}
    for row in result["scores"]:
        if row["image"] == image:
            row |= {"image": "<u>&image", "failure": "<u>&reason"}
    path.write_text(json.dumps(result))
    text = write_report(out).read_text(encoding="utf-8")
    for name in ("group", "data", "source", "image", "reason"):
        assert f"&lt;u&gt;&amp;{name}" in text
    assert text.count("&lt;u&gt;&amp;image") == 2  # of the failure, and of the pictures
    assert text.count("&lt;u&gt;&amp;data") == 2  # above and below
    assert "<u>" not in text


def test_a_note_stands_above_the_tables(benchmark, folders):
    _, out = benchmark(f"tool={folders / 'tool'}", note="Simulated & small.")
    text = write_report(out).read_text(encoding="utf-8")
    assert text.index("<b>Simulated &amp; small.</b>") < text.index("<table")


def test_dollars_are_no_mathematics(both):
    path = both[1] / "benchmark.json"
    path.write_text(path.read_text().replace("HCT-116", "$x^$"))
    assert "$x^$" in write_report(both[1]).read_text(encoding="utf-8")


def test_runs_without_a_value_are_counted(benchmark, folders):
    for name, (truth, _) in FIELDS.items():
        write(folders / "none" / f"{name}.tif", (0 * truth).astype(np.uint16))
    _, out = benchmark(f"net={folders / 'perfect'}+{folders / 'perfect'}+{folders / 'none'}")
    outlines = Page(write_report(out).read_text(encoding="utf-8")).tables[2]
    assert outlines[1][2:4] == [
        "0.000 0.000 to 0.000 2 of 3 runs",
        "1.000 1.000 to 1.000 2 of 3 runs",
    ]
    assert outlines[1][4].startswith("0.667 ")
    assert "runs" not in outlines[1][4]


def test_captions_tell_where_only_the_middle_of_an_image_is_shown(both):
    path = both[1] / "benchmark.json"
    result = json.loads(path.read_text())
    sizes = {image["image"]: image for image in result["images"]}
    sizes["a"]["width"] = 513
    sizes["c"]["width"] = 512
    path.write_text(json.dumps(result))
    text = write_report(both[1]).read_text(encoding="utf-8")
    captions = re.findall(r"(\d+ (?:nuclei|missed, \d+ extra)[^<]*)</figcaption>", text)
    where = " (whole image; its middle is shown)."
    worst, median = captions[:5], captions[5:]
    assert worst == [
        *("2 nuclei.", "0 nuclei.", "2 missed, 0 extra.", "2 nuclei.", "0 missed, 0 extra."),
    ]
    assert median == [
        *(f"5 nuclei{where}", f"6 nuclei{where}", f"4 missed, 5 extra{where}"),
        *(f"5 nuclei{where}", f"0 missed, 0 extra{where}"),
    ]


def test_missing_predictions_are_named(benchmark, folders):
    (folders / "tool" / "b_labels.tif").unlink()
    _, out = benchmark(f"tool={folders / 'tool'}")
    table = Page(write_report(out).read_text(encoding="utf-8")).tables[0]
    assert table[1][:2] == ["tool", "b"]
    assert "no label image b_labels.tif" in table[1][2]


def test_one_image_has_no_interval(benchmark, folders):
    data = folders / "data"
    for name in ("images", "masks"):
        shutil.rmtree(data / name / "Other")
        (data / name / "HCT-116" / "b.tif").unlink()
    _, out = benchmark(f"tool={folders / 'tool'}")
    text = write_report(out).read_text(encoding="utf-8")
    assert Page(text).tables[0][2][1] == "0.182 n/a"
    assert Page(text).tables[3][1][-2:] == ["+1.0", "n/a"]


def test_cost_of_models_is_shown(both):
    path = both[1] / "benchmark.json"
    result = json.loads(path.read_text())
    result["runs"][0]["cost"] = {
        **{"seconds": 3.0, "mpx": 2.0, "images": 8, "loading_s": 2.5, "memory_mb": 1000.4},
        **{"gpu_memory_mb": None, "device": "cpu:0"},
    }
    path.write_text(json.dumps(result))
    table = Page(write_report(both[1]).read_text(encoding="utf-8")).tables[4]
    assert table[1] == ["FPN2-WS", "1.50", "2.5", "1000", "n/a", "cpu:0", "8"]


def test_a_picture_that_is_gone_is_named(both):
    (both[1] / "panels" / "a" / "truth.png").unlink()
    with pytest.raises(DataError, match=r"a/truth\.png"):
        write_report(both[1])
    assert not (both[1] / "report.html").exists()


def browse(chromium, file, folder) -> tuple[str, list[str]]:
    """Opens a page in Chromium on a phone's screen; its DOM, and the addresses that it asks for."""
    log = folder / "net.json"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=390,800"]
    flags += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}"]
    command = [chromium, *flags, f"--log-net-log={log}", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    # What the browser asks for on its own account is "not an origin".
    asked = re.findall(r'"initiator":"([^"]*)"[^\n]*?"url":"(https?://[^"]+)"', log.read_text())
    return done.stdout, [url for initiator, url in asked if initiator != "not an origin"]


def test_a_browser_shows_it_without_network(chromium, page, tmp_path):
    probe = (
        "<script>onload = () => {const seen = [...document.images].filter(i => i.naturalWidth);"
        "document.body.dataset.seen = seen.length;"
        "document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth}</script>"
    )
    text = page.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    file = tmp_path / "report.html"
    file.write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    dom, asked = browse(chromium, file, tmp_path)
    assert f'data-seen="{page.count("<img")}"' in dom
    assert 'data-wide="false"' in dom  # only tables scroll sideways
    assert len(Page(dom).tables) == len(Page(page).tables)
    assert asked == []
    file.write_text('<img src="http://192.0.2.1/a.png">')  # would be seen
    assert set(browse(chromium, file, tmp_path)[1]) == {"http://192.0.2.1/a.png"}
