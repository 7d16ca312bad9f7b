"""The order of the packages: each imports only from those before it.

What stands after is asked for by name: `data` and `schema` get families from `registry`, which
imports them when they are asked for, and so may name them for type checkers.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nucseg_tf"
LAYERS = (
    *("imaging", "io", "data", "layers", "engines", "families", "models"),
    *(
        "scale",
        "inference",
        "training",
        "evaluation",
        "screening",
        "annotation",
        "integrations",
        "doctor",
        "console",
        "commands",
    ),
)
FOR_ALL = {"errors", "types", "config", "schema", "policy", "registry", "suggest"}
FOR_TYPES = {
    ("registry", "engines"),
    ("registry", "families"),
    ("registry", "io"),
    ("schema", "families"),
}
TOP = {"__init__", "__main__"}
MODULES = sorted(PACKAGE.rglob("*.py"))
MODEL_CODE = [
    path
    for part in ("layers", "families", "models", "scale")
    for path in (PACKAGE / part).rglob("*.py")
]


def name_of(path: Path) -> str:
    """First part of a module's name below nucseg_tf: "io" of nucseg_tf/io/images.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Full names of everything a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def inner_imports(path: Path) -> set[str]:
    """Parts of nucseg_tf that a module imports."""
    names = (name.split(".") for name in imports(path))
    return {name[1] for name in names if name[0] == "nucseg_tf" and len(name) > 1} - {"__version__"}


def identify(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=identify)
def test_arrows_point_one_way(path):
    layer = name_of(path)
    if layer in TOP:
        return
    allowed = FOR_ALL | ({layer} if layer in FOR_ALL else set(LAYERS[: LAYERS.index(layer) + 1]))
    assert inner_imports(path) - {b for a, b in FOR_TYPES if a == layer} <= allowed


def test_an_arrow_that_points_the_wrong_way_is_seen(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(
        "def f():\n    from nucseg_tf.commands.table import A\n    import nucseg_tf.io.files\n"
    )
    assert inner_imports(module) == {"commands", "io"}


def test_every_module_has_a_place():
    assert {name_of(path) for path in MODULES} <= {*LAYERS, *FOR_ALL, *TOP}


@pytest.mark.parametrize("path", MODEL_CODE, ids=identify)
def test_models_run_on_every_backend(path):
    assert not {name for name in imports(path) if name.split(".")[0] == "tensorflow"}


def test_segmentation_models_is_set_up_in_one_file():
    files = [path for path in MODULES if "environ" in path.read_text(encoding="utf-8")]
    setters = [p.name for p in files if '"SM_FRAMEWORK"' in p.read_text(encoding="utf-8")]
    importers = [
        path.name
        for path in MODULES
        if any(name.split(".")[0] == "segmentation_models" for name in imports(path))
    ]
    assert setters == ["fpn.py"]
    assert importers == ["fpn.py"]


def test_no_family_is_known_by_name_elsewhere():
    """What differs between families stands in them; the default model's name is a word of help."""
    names = re.compile(r"fpn2ws(?!-nuclei)|mask_rcnn|jacobkie", re.IGNORECASE)
    for path in MODULES:
        if name_of(path) not in ("families", "registry"):
            found = names.search(path.read_text(encoding="utf-8"))
            assert not found, f"{identify(path)}: {found and found[0]}"
