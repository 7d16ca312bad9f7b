"""Texts that are no JSON, and numbers that are none."""

import pytest

from nucseg_tf.io.documents import from_json


def test_values():
    assert from_json(b'{"a": [1, 2.5, null]}', finite=True) == {"a": [1, 2.5, None]}
    assert from_json("Infinity") == float("inf")


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe\xfd", "[" * 10**5, "9" * 10**4])
def test_no_json(text):
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]", '{"a": 1e999}'])
def test_numbers_that_are_not_finite(text):
    with pytest.raises(ValueError, match="no finite number"):
        from_json(text, finite=True)
