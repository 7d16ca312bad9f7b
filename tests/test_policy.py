import pytest

from nucseg_tf.config import SHIPPED, Policy, load_config, policy_values
from nucseg_tf.errors import ConfigError
from nucseg_tf.policy import OPERATIONS, check_steps
from nucseg_tf.schema import to_yaml


def test_usual_ranges_are_filled_in():
    assert check_steps(["clahe"]) == [{"clahe": {"clip_limit": (5.0, 50.0)}}]
    assert check_steps([{"gaussian_blur": {"sigma": 2}}]) == [{"gaussian_blur": {"sigma": (2, 2)}}]


def test_usual_ranges_are_within_their_limits():
    assert len(check_steps(list(OPERATIONS))) == len(OPERATIONS)


def test_checking_twice_changes_nothing():
    for file in (SHIPPED / "policies").glob("*.yaml"):
        steps = Policy(**policy_values(file.stem)).steps
        assert check_steps(steps) == steps


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["claeh"], "unknown step 'claeh'; did you mean 'clahe'"),
        ([{"clahe": {"cliplimit": 3}}], "clahe: unknown range 'cliplimit'; did you mean 'clip_l"),
        ([{"clahe": {"clip_limit": [50, 5]}}], "clahe.clip_limit: the first must not be larger"),
        ([{"clahe": {"clip_limit": [0, 5]}}], "clahe.clip_limit: expected 1 to 256"),
        ([{"clahe": {"clip_limit": "x"}}], "clahe.clip_limit: expected a number or"),
        ([{"clahe": {"clip_limit": [1, 2, 3]}}], "clahe.clip_limit: expected a number or"),
        ([{"clahe": {"clip_limit": float("nan")}}], "clahe.clip_limit: expected 1 to 256"),
        ([{"clahe": 5}], "clahe: expected clip_limit"),
        ([{"gaussian_blur": 0}], "gaussian_blur: expected sigma"),
        ([{"clahe": []}], "clahe: expected clip_limit"),
        ([{"rotate90": {"turns": 0.5}}], "rotate90.turns: expected whole numbers"),
        ([{"flip_up_down": {"probability": 1}}], "flip_up_down: unknown range"),
        ([{"one_of": []}], "one_of: expected one step or more"),
        ([{"one_of": ["clahe"], "clahe": {}}], "a step is one name"),
        ([{"sometimes": {"probability": 2, "steps": ["clahe"]}}], "probability of 0 to 1"),
        ([{"sometimes": ["clahe"]}], "expected probability and steps"),
        ("clahe", "expected a list of steps"),
    ],
)
def test_slips_are_named(steps, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        check_steps(steps)


def test_a_configuration_takes_a_policy_by_name_by_file_or_in_place(tmp_path):
    (tmp_path / "mine.yaml").write_text("zoom: 2\nsteps: [flip_up_down]\n")
    config = tmp_path / "config.yaml"
    config.write_text("augment: mine.yaml\n")
    mine = load_config(config).augment
    assert mine == Policy(zoom=(2, 2), steps=["flip_up_down"])
    assert load_config(config, ("augment=none",)).augment.steps == []
    assert load_config(config, ("augment.zoom=[1, 3]",)).augment.zoom == (1, 3)
    config.write_text("augment: {zoom: 2, steps: [flip_up_down]}\n")
    assert load_config(config).augment == mine


def test_a_resolved_policy_reads_back(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("augment: full\n")
    resolved = load_config(config)
    config.write_text(to_yaml(resolved))
    assert load_config(config) == resolved


def test_slips_in_a_configuration_name_the_file(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("augment: ful\n")
    with pytest.raises(
        ConfigError, match=r"no policy 'ful', nor such a file NAME.yaml; did you mean 'full'"
    ):
        load_config(config)
    config.write_text("augment: {steps: [claeh]}\n")
    with pytest.raises(ConfigError, match=r"config.yaml: augment.steps: .*did you mean 'clahe'"):
        load_config(config)
    config.write_text("augment: {zoom: [2, 1]}\n")
    with pytest.raises(ConfigError, match=r"augment.zoom: .*the first must not be larger"):
        load_config(config)
