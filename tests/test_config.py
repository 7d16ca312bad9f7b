"""Configuration: strict keys, overrides, values within range."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nucseg_tf.config import load_config, make_config
from nucseg_tf.errors import ConfigError, UsageError
from nucseg_tf.schema import to_yaml

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.fixture
def file(tmp_path: Path):
    """Writes text into a YAML file."""

    def write(text: str) -> Path:
        path = tmp_path / "some.yaml"
        path.write_text(text)
        return path

    return write


def test_an_empty_file_gives_the_defaults(file):
    assert load_config(file("")) == make_config()


def test_an_unknown_key_names_file_key_and_nearest(file):
    with pytest.raises(ConfigError, match=r"some\.yaml: training\.epoch: .*mean 'epochs'"):
        load_config(file("training: {epoch: 3}"))


def test_an_unknown_section_names_the_nearest(file):
    with pytest.raises(ConfigError, match=r"trainin: .*mean 'training'"):
        load_config(file("trainin: {}"))


def test_a_key_like_no_other_lists_the_known_ones(file):
    with pytest.raises(ConfigError, match=r"zzz: unknown key; expected one of .*min_area"):
        load_config(file("decode: {zzz: 1}"))


def test_all_problems_are_named_at_once(file):
    with pytest.raises(ConfigError) as caught:
        load_config(file("{data: {roi: 100}, training: {batch: 0}}"))
    assert "data.roi" in str(caught.value)
    assert "training.batch" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("training: {batch: 0}", "0"),
        ("training: {epochs: many}", "'many'"),
        ("data: {roi: 100}", "100"),  # no multiple of 32
        ("decode: {seed: 1.5}", "1.5"),
        ("model: {networks: 3}", "3"),
    ],
)
def test_a_wrong_value_is_shown(file, text, received):
    with pytest.raises(ConfigError, match=f"Received: {received}"):
        load_config(file(text))


def test_an_unknown_family_names_the_known(file):
    with pytest.raises(ConfigError, match=r"model\.family: no model family 'fpn3ws'.*'fpn2ws'"):
        load_config(file("model: {family: fpn3ws}"))
    with pytest.raises(ConfigError, match="Received: 3"):
        load_config(file("model: 3"))
    with pytest.raises(ConfigError, match="no model family '\\[1, 2\\]'"):
        load_config(file("model: {family: [1, 2]}"))


def test_sections_of_other_families_are_left_out_with_a_warning(file, caplog):
    """As `nucseg config` once wrote them all."""
    text = "{detect: {score: 0.9}, model: {detector: {rois: 8}, filters: 16}, decode: {seed: 0.7}}"
    config = load_config(file(text))
    assert (config.model.filters, config.decode.seed) == (16, 0.7)
    assert "detect, model.detector: of other families, left out" in caplog.text
    assert not hasattr(config, "detect")
    with pytest.raises(ConfigError, match="detct: unknown key"):
        load_config(file("detct: {score: 0.9}"))


def test_a_family_has_its_own_sections(file):
    config = load_config(file("{model: {family: mask_rcnn}, detect: {score: 0.9}}"))
    assert config.thresholds.score == 0.9
    assert config.family.title == "Mask R-CNN"
    other = config.with_thresholds(config.thresholds.model_copy(update={"score": 0.1}))
    assert (other.detect.score, config.detect.score) == (0.1, 0.9)


def test_percentiles_must_be_ordered(file):
    with pytest.raises(ConfigError, match="low must be smaller than high"):
        load_config(file("normalisation: {low: 99.0, high: 1.0}"))


def test_overrides_win_and_are_read_as_yaml(file):
    path = file("training: {epochs: 3, batch: 2}")
    config = load_config(path, ("training.epochs=7", "augment.zoom=[1, 2]", "name=other"))
    assert config.training.epochs == 7
    assert config.training.batch == 2
    assert config.augment.zoom == (1.0, 2.0)
    assert config.name == "other"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "expected KEY=VALUE"),
        ("name.first=1", "'name' is not a section"),
        ("training.epochz=1", "did you mean 'epochs'"),
    ],
)
def test_a_wrong_override_is_refused(file, override, message):
    with pytest.raises(ConfigError, match=message):
        load_config(file("name: x"), (override,))


@pytest.mark.parametrize(
    ("text", "message"),
    [("- 1\n- 2", "expected a mapping"), ("a: [", "cannot be read as YAML")],
)
def test_a_file_that_is_no_mapping_is_refused(file, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(file(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_resolved_configuration_reads_back_as_itself(path, file):
    config = load_config(path)
    text = to_yaml(config)
    assert load_config(file(text)) == config
    assert set(yaml.safe_load(text)) == set(type(config).model_fields)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        make_config().training.epochs = 3


def test_wrong_configuration_is_wrong_usage():
    assert issubclass(ConfigError, UsageError)
    assert ConfigError.exit_code == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"roi": 64, "shoulder": 32}}, "leave nothing of a ROI"),
        ({"training": {"seed": -1}}, "training.seed"),
        ({"training": {"seed": 2**31}}, "training.seed"),
        ({"augment": {"zoom": 0.001}}, "augment.zoom"),
    ],
)
def test_values_that_would_end_a_training_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        make_config(change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"roi": 96}}, "multiple of 64"),
        ({"model": {"detector": {"rois": 500}}}, "rois"),
        ({"data": {"roi": 64}, "model": {"detector": {"rpn_anchors": 1024}}}, "has 1023"),
        ({"model": {"detector": {"sizes": [8, 16]}}}, "five levels"),
        ({"training": {"loss_weights": [1, 2]}}, "5 losses"),
    ],
)
def test_settings_of_mask_rcnn_that_do_not_fit_are_refused(change, message):
    values = {"model": {"family": "mask_rcnn"} | change.pop("model", {}), **change}
    with pytest.raises(ConfigError, match=message):
        make_config(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [1]\nb: *a", "the alias .* is not read"),
        ("a: 2001-99-99", "month must be in"),
        ("a: !!bool maybe", "maybe"),
        ("[" * 3000, "nested too deeply"),
        ("# " + "x" * 2**20, "more than 1,048,576 characters"),
    ],
)
def test_what_yaml_makes_no_value_of_is_refused(file, text, message):
    """Some of it raises what is no error of YAML; references can stand for more than memory."""
    with pytest.raises(ConfigError, match=message):
        load_config(file(text))


def test_a_setting_that_yaml_makes_no_value_of(file):
    with pytest.raises(ConfigError, match=r"--set training.seed=2001-99-99: the value is no YAML"):
        load_config(file(""), ("training.seed=2001-99-99",))
