import numpy as np
import pytest

from nucseg_tf.annotation.loop.curve import learning_curve, say, uncertainty
from nucseg_tf.annotation.loop.versions import SHIPPED, FieldUse, Version


def version(name, fields):
    uses = [FieldUse(str(number), "train", 10, "") for number in range(fields)]
    return Version(name, "done", "nuclei", fields=(*uses, FieldUse("x", "left_out", 9, "")))


def score(f1, fields=2, nuclei=1000):
    """Of fields that all have the same F1, with as many missed nuclei as spurious ones."""
    right = round(f1 * nuclei)
    return {"f1": f1, "fields": [[right, nuclei - right, nuclei - right]] * fields}


def test_points_are_those_that_have_a_score():
    scores = {SHIPPED: score(0.5), "v2": score(0.7), "v3": score(0.8)}
    curve = learning_curve([version("v1", 1), version("v2", 2)], version("v3", 4), scores)
    assert [(p["name"], p["fields"], p["nuclei"], p["f1"]) for p in curve["points"]] == [
        (SHIPPED, 0, 0, 0.5), ("v2", 2, 20, 0.7), ("v3", 4, 40, 0.8)
    ]  # fmt: skip
    assert curve["text"].startswith("The last 2 fields changed F1 by +0.100, from 0.700 to 0.800")


def points(*values):
    return [{"name": f"v{n}", "fields": n, "f1": f1} for n, f1 in enumerate(values)]


@pytest.mark.parametrize(
    ("f1", "nuclei", "expected"),
    [
        ((0.8, 0.9), 1000, "More fields will probably help."),
        ((0.8, 0.802), 100_000, "more fields of this kind will hardly help."),
        ((0.8, 0.82), 30, "more corrected fields are needed to tell."),
        ((0.9, 0.8), 100_000, "more fields of this kind will hardly help."),
    ],
)
def test_what_it_says(f1, nuclei, expected):
    scores = {f"v{n}": score(value, nuclei=nuclei) for n, value in enumerate(f1)}
    text = say(points(*f1), scores)
    assert text.startswith("The last field changed F1 by ")
    assert text.endswith(expected)


def test_one_point_says_nothing():
    assert "One more corrected field" in say(points(0.8), {"v0": score(0.8)})


def test_chance_with_few_fields_is_that_of_nuclei():
    """Two shares of n nuclei each: 1.96 * sqrt(p (1 - p) / n + q (1 - q) / n)."""
    before, after = [[80, 20, 20]], [[90, 10, 10]]
    expected = 1.96 * np.sqrt(0.8 * 0.2 / 100 + 0.9 * 0.1 / 100)
    assert uncertainty(before, after) == pytest.approx(expected)
    assert uncertainty(before * 4, after * 4) == pytest.approx(expected / 2)


def test_chance_with_many_fields_is_that_of_fields():
    rng = np.random.default_rng(0)
    right = rng.integers(50, 100, 12)
    before = [[int(n), 100 - int(n), 100 - int(n)] for n in right]
    assert uncertainty(before, before) == 0  # both models alike in each field, however it varies
    changes = rng.integers(-10, 20, 12).tolist()
    better = [min(100, n + change) for (n, *_), change in zip(before, changes, strict=True)]
    after = [[n, 100 - n, 100 - n] for n in better]
    differences = np.array([a[0] - b[0] for a, b in zip(after, before, strict=True)]) / 100
    drawn = rng.choice(differences, (4000, 12)).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    assert uncertainty(before, after) == pytest.approx((high - low) / 2, rel=0.1)


def test_nothing_to_find_is_right():
    assert uncertainty([[0, 0, 0]], [[0, 0, 0]]) == 0
