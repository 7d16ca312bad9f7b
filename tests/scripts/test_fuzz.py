"""The table of fuzzing, and the tools that make it."""

from random import Random

from reference.fuzzing.vary import make_small, vary
from reliability import fuzz


def test_the_page_says_what_the_results_say():
    page = fuzz.PAGE.read_text(encoding="utf-8")
    between = page.split(fuzz.BEGIN)[1].split(fuzz.END)[0].strip()
    assert between == fuzz.table(fuzz.read_results())


def test_sums_of_the_table():
    results = {
        "roi": {"executions": 1500, "seconds": 90, "findings": ["a", "b"]},
        "geojson": {"executions": 10, "seconds": 30, "findings": []},
    }
    lines = fuzz.table(results).splitlines()
    assert lines[2:] == [
        "| geojson | `a.geojson` | 10 | 0.5 |  |",
        "| roi | `a.roi` | 1,500 | 1.5 | 2 |",
        "| all | | 1,510 | 2 | 2 |",
    ]


def test_a_finding_is_made_small():
    data = b"a" * 100 + b"XY" + b"b" * 57 + b"Z"
    assert make_small(data, lambda other: b"XY" in other and other.endswith(b"Z"), 5) == b"XYZ"


def test_variations_depend_on_chance_alone():
    data = b'{"a": [1, 2, {"b": null}]}'
    for kind in ("json", "lines", "yaml", "bytes"):
        found = [vary(data, kind, Random(seed)) for seed in range(30)]
        assert found == [vary(data, kind, Random(seed)) for seed in range(30)]
        assert len(set(found)) > 20
