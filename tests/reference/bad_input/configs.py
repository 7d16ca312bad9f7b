"""Configurations: `nucseg config`, and what reads them."""

from __future__ import annotations

import itertools
from pathlib import Path

from reference.bad_input.case import Case


def config(
    what: str, text: str | bytes, says: tuple[str, ...], code: int = 2, options: str = ""
) -> Case:
    """A file c.yaml."""

    def draw(folder: Path) -> None:
        (folder / "c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    return Case(what, f"config c.yaml {options}".strip(), code, says, draw)


def changed(what: str, change: str, says: tuple[str, ...]) -> Case:
    """A shipped configuration with one value replaced."""
    return Case(what, f"config fpn2ws --set '{change}'", 2, says)


FILES = (
    config(
        "an unknown key",
        "training: {epoch: 3}",
        ("c.yaml", "training.epoch: unknown key; did you mean 'epochs'?"),
    ),
    config("an unknown section", "trainnig: {epochs: 3}", ("c.yaml", "did you mean 'training'?")),
    config(
        "text for a number",
        "training: {epochs: many}",
        ("c.yaml: training.epochs", "Received: 'many'"),
    ),
    config(
        "a switch for a number",
        "training: {batch: true}",
        ("c.yaml: training.batch: expected a number. Received: True",),
    ),
    config(
        "a list for a number",
        "training: {epochs: [1]}",
        ("c.yaml: training.epochs", "Received: [1]"),
    ),
    config(
        "a number out of range",
        "training: {epochs: -1}",
        ("c.yaml: training.epochs", "Received: -1"),
    ),
    config(
        "infinity",
        "training: {learning_rate: .inf}",
        ("c.yaml: training.learning_rate: Input should be",),
    ),
    config(
        "NaN",
        "training: {learning_rate: .nan}",
        ("c.yaml: training.learning_rate: Input should be",),
    ),
    config(
        "a key twice",
        "training: {epochs: 3}\ntraining: {epochs: 4}\n",
        ("c.yaml", "line 2: the key 'training' is given twice; leave one of them out"),
    ),
    config(
        "a key twice in a section",
        "training:\n  epochs: 3\n  epochs: 4\n",
        ("c.yaml", "line 3: the key 'epochs' is given twice"),
    ),
    config("tabs", "training:\n\tepochs: 3\n", ("c.yaml", "line 2: found character")),
    config("a list", "- training\n", ("c.yaml: expected a mapping",)),
    config("a text", "just words", ("c.yaml: expected a mapping",)),
    config("a section that is a number", "training: 3", ("c.yaml: training: Input should be",)),
    config(
        "an anchor and its alias",
        "x: &a {epochs: 3}\ntraining: *a",
        ("c.yaml", "line 2: the alias *a is not read; write out what it stands for"),
    ),
    config(
        "aliases of aliases (a billion laughs)",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{n}: &{n} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n"
            for p, n in itertools.pairwise("abcdefghi")
        ),
        ("c.yaml", "the alias *a is not read"),
    ),
    config(
        "a tag that would run code",
        "training: !!python/object/apply:os.system ['touch ran']",
        ("c.yaml", "could not determine a constructor"),
    ),
    config("bytes of a picture", b"\x89PNG\r\n\x1a\n\0\0\0", ("c.yaml: cannot be read as YAML",)),
    config(
        "brackets that do not close", "training: {epochs: 3", ("c.yaml", "cannot be read as YAML")
    ),
    config("UTF-16", "training: {epochs: 3}".encode("utf-16"), ("c.yaml", "save it as UTF-8")),
    config(
        "an unknown family",
        "model: {family: fpn2w}",
        ("c.yaml: model.family", "did you mean 'fpn2ws'?"),
    ),
    config(
        "a policy that is none",
        "augment: fulll",
        ("no policy 'fulll', nor such a file NAME.yaml; did you mean 'full'?",),
    ),
    config(
        "an unknown step of augmentation",
        "augment: {steps: [claeh]}",
        ("c.yaml: augment.steps", "did you mean 'clahe'?"),
    ),
    config(
        "a range upside down",
        "augment: {zoom: [2, 0.5]}",
        ("c.yaml: augment.zoom: the first must not be larger than the second",),
    ),
    Case(
        "a configuration that is not there",
        "config fpn2w",
        2,
        ("fpn2w: no such file or configuration; did you mean 'fpn2ws'?",),
    ),
    Case(
        "a folder as configuration",
        "config c",
        2,
        ("c: cannot be read: Is a directory",),
        lambda folder: (folder / "c").mkdir(),
    ),
)
CHANGES = (
    changed("--set without value", "training.epochs", ("expected KEY=VALUE",)),
    changed(
        "--set of an unknown key",
        "training.epochz=3",
        ("training.epochz: unknown key; did you mean 'epochs'?",),
    ),
    changed(
        "--set below what is no section", "training.epochs.x=3", ("'epochs' is not a section",)
    ),
    changed(
        "--set of text for a number",
        "training.epochs=many",
        ("training.epochs", "Received: 'many'"),
    ),
    changed("--set of broken YAML", "training.epochs=[1", ("the value is no YAML",)),
)
GROUPS = {"Configurations: `nucseg config`": FILES, "Changes: `--set`": CHANGES}
