import numpy as np
import pytest
from reference.drawn import drawn_nuclei

from nucseg_tf.annotation.loop.parts import LEFT_OUT, TRAIN, assign, common, divide
from nucseg_tf.annotation.loop.versions import FieldUse, Version
from nucseg_tf.errors import UsageError


def version(**parts) -> Version:
    uses = tuple(FieldUse(key, part, 1, "") for key, part in parts.items())
    return Version("v1", "done", "nuclei", fields=uses)


def left_out(keys, *versions):
    return [key for key, part in assign(keys, versions).items() if part == LEFT_OUT]


def test_every_fourth_field_from_the_second_is_left_out():
    assert left_out("abcdefghijk") == ["b", "f", "j"]
    assert left_out("ab") == ["b"]


def test_a_single_field_trains():
    assert assign("a", []) == {"a": TRAIN}
    assert assign("b", [version(a=TRAIN, b=LEFT_OUT)]) == {"b": TRAIN}


def test_what_a_field_was_it_stays():
    earlier = version(a=TRAIN, b=LEFT_OUT, c=TRAIN)
    # x and y were accepted first, as their journal says, but no version knew of them.
    assert left_out("xyabc", earlier) == ["b"]
    assert left_out("xyzabc", earlier) == ["z", "b"]
    assert left_out("ac", earlier, version(a=LEFT_OUT)) == ["c"]  # b is gone: the last one


def test_of_a_single_field_the_strip_was_for_training_too():
    both = Version(
        *("v1", "done", "nuclei"),
        fields=(FieldUse("a", TRAIN, 6, ""), FieldUse("a", LEFT_OUT, 2, "")),
    )
    assert assign("ab", [both]) == {"a": TRAIN, "b": LEFT_OUT}


@pytest.mark.parametrize("down", [False, True])
def test_a_single_field_is_divided_behind_three_quarters_of_its_nuclei(down):
    _, labels = drawn_nuclei()
    labels = np.hstack([labels, np.where(labels > 0, labels + 4, 0)])
    labels = labels.T if down else labels
    parts = divide(labels, (), "a")
    (y0, x0, y1, x1), (v0, u0, v1, u1) = parts[TRAIN][0], parts[LEFT_OUT][0]
    assert (y0, x0, v1, u1) == (0, 0, *labels.shape)
    assert (y1 == v0) if down else (x1 == u0)
    middles = [np.argwhere(labels == n).mean(0)[0 if down else 1] for n in range(1, 9)]
    cut = y1 if down else x1
    assert sum(middle > cut for middle in middles) == 2


def test_a_single_field_of_few_nuclei_is_too_little():
    _, labels = drawn_nuclei()
    with pytest.raises(UsageError, match="A/a: a single corrected field with 4 nuclei"):
        divide(labels, (), "A/a")


def test_what_regions_have_in_common():
    boxes = [(0, 0, 10, 10), (0, 20, 10, 30)]
    assert common(boxes, [(0, 0, 10, 25)]) == ((0, 0, 10, 10), (0, 20, 10, 25))
    assert common((), [(0, 0, 10, 25)]) == ((0, 0, 10, 25),)
    assert common(boxes, [(10, 0, 20, 30)]) == ()
