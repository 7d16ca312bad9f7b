from __future__ import annotations

import pytest

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.entries import Run, parse_entries


def test_names_folders_and_runs():
    runs = parse_entries(["fpn2ws-nuclei,runs/big/model", "net=r/1+r/2"], ["tool=x,hand=y"])
    assert runs == [
        Run("fpn2ws-nuclei", "fpn2ws-nuclei", "model", "fpn2ws-nuclei"),
        Run("big", "big", "model", "runs/big/model"),
        Run("net", "net-1", "model", "r/1"),
        Run("net", "net-2", "model", "r/2"),
        Run("tool", "tool", "labels", "x"),
        Run("hand", "hand", "labels", "y"),
    ]


def test_tools_with_and_without_weights(tmp_path):
    assert parse_entries([], [], ["stardist", f"cellpose={tmp_path}"]) == [
        Run("stardist", "stardist", "peer", ""),
        Run("cellpose", "cellpose", "peer", str(tmp_path)),
    ]


@pytest.mark.parametrize(
    ("peers", "message"),
    [
        (["stardsit"], "no tool 'stardsit'; did you mean 'stardist'"),
        (["stardist,"], "expected one of stardist, cellpose, instanseg"),
        (["stardist=nowhere"], "no such file or folder of weights"),
        (["stardist="], "no such file or folder of weights"),
        (["stardist,stardist"], "two entries are called stardist"),
    ],
)
def test_tools_that_make_no_sense_are_refused(peers, message):
    with pytest.raises(UsageError, match=message):
        parse_entries([], [], peers)


@pytest.mark.parametrize(
    ("models", "labels", "message"),
    [
        ([], [], "nothing to benchmark"),
        (["a,"], [], "expected MODEL"),
        (["a=x+"], [], "expected MODEL"),
        (["../.."], [], "expected MODEL"),
        (["a/b=x"], [], "expected MODEL"),
        ([], ["folder"], "expected NAME=FOLDER"),
        (["x/a,y/A"], [], "two entries are called A"),
        (["n=x+y"], ["n-2=z"], "two entries are called n-2"),
        (["n-1=z,n=x+y"], [], "two entries are called n-1"),
        (["n=x+y", "N=z"], [], "two entries are called N;"),
        (["n=x,n=y+z"], [], "two entries are called n;"),
        (["n=x"], ["n=y+z"], "two entries are called n;"),
        ([], ["n=x+y,n=z"], "two entries are called n;"),
        (["_n=x"], [], "begins with a letter or digit"),
        ([], ["_=x"], "begins with a letter or digit"),
    ],
)
def test_what_makes_no_sense_is_refused(models, labels, message):
    with pytest.raises(UsageError, match=message):
        parse_entries(models, labels)
