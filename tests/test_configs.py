from pathlib import Path

import pytest

from nucseg_tf.config import find_config, load_config
from nucseg_tf.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_every_configuration_loads_and_says_its_command(file):
    load_config(file)
    assert f"nucseg train configs/{file.name}" in file.read_text()


def test_default_configuration_trains_the_shipped_architecture():
    from nucseg_tf.models import zoo

    config = load_config(next(file for file in CONFIGS if file.stem == "fpn2ws"))
    assert zoo.read_info(zoo.find_model("fpn2ws-nuclei")).architecture == config.model


def test_configurations_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(find_config(Path("smoke"))).name == "smoke"
    with pytest.raises(ConfigError, match=r"fpn2w: no such file.*fpn2ws"):
        find_config(Path("fpn2w"))
