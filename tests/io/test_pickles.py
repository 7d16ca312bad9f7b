"""Pickles of some bytes that would take GiB."""

import io
import pickle

import numpy as np
import pytest

from nucseg_tf.io.pickles import check_pickle

FAR = b"\x80\x02Nr\xff\xff\xff\x7f."  # None, to be remembered at place 2**31 - 1: 32 GiB
LONG = b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"abc."


@pytest.mark.parametrize("protocol", range(2, 6))
def test_usual_ones_are_left_at_their_beginning(protocol):
    thing = {"masks": np.eye(9), "a": ["b" * 300, ("b" * 300,)] * 3}
    stream = io.BytesIO(b"head" + pickle.dumps(thing, protocol) + b"tail")
    stream.seek(4)
    check_pickle(stream)
    assert stream.tell() == 4


@pytest.mark.parametrize("data", [FAR, LONG, b"", b"\x80\x04", b"?" * 20])
def test_others_are_refused(data):
    with pytest.raises(ValueError, match=r"."):
        check_pickle(io.BytesIO(data))
