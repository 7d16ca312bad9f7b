"""Bad input of every kind, each as docs/reliability/bad_input.md says; and exit codes."""

from __future__ import annotations

import signal

import pytest
from reference.bad_input import (
    arguments,
    case,
    configs,
    images,
    manifests,
    masks,
    models,
    page,
    plates,
    requests,
)

from nucseg_tf import errors
from nucseg_tf.commands.loop import Loop
from nucseg_tf.commands.models import Models
from nucseg_tf.commands.table import Commands


def each(groups):
    """One test a case."""
    found = [one for group in groups.values() for one in group]
    return pytest.mark.parametrize("one", found, ids=[f"{c.what} {i}" for i, c in enumerate(found)])


@each(images.GROUPS)
def test_images(one, tmp_path):
    case.check(one, tmp_path)


@each(masks.GROUPS)
def test_masks(one, tmp_path):
    case.check(one, tmp_path)


@each(manifests.GROUPS)
def test_data_sets(one, tmp_path):
    case.check(one, tmp_path)


@each(configs.GROUPS)
def test_configurations(one, tmp_path):
    case.check(one, tmp_path)


@each(models.GROUPS)
def test_models(one, tmp_path):
    case.check(one, tmp_path)


@each(plates.GROUPS)
def test_plates_and_results(one, tmp_path):
    case.check(one, tmp_path)


@each(arguments.GROUPS)
def test_arguments(one, tmp_path):
    case.check(one, tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with requests.server(folder) as clients:
        yield clients, folder


@each(requests.GROUPS)
def test_requests(one, served):
    requests.check(one, *served)


@pytest.mark.parametrize("file", [page.PAGE, *page.CODES_PAGES], ids=lambda file: file.name)
def test_the_pages_say_what_the_cases_say(file):
    text = file.read_text(encoding="utf-8")
    total = len(page.cases()) + len(page.asks())
    assert text == page.with_tables(text, total), "write it: tests/reference/bad_input/page.py"
    assert page.codes_table() in text or f"**{total} cases, {total} passed**" in text


def test_no_case_is_there_twice():
    found = [(one.argv, one.what, one.says) for one in page.cases()]
    assert len({*found}) == len(found)


def test_a_case_that_fails_is_noticed(tmp_path):
    for number, (code, says) in enumerate([(0, ()), (2, ("other words",))]):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(AssertionError):
            case.check(case.Case("", "predict none.tif --out out", code, says), folder)


def test_every_command_has_a_case_of_wrong_usage():
    names = {name for name in dir(Commands) if not name.startswith("_")} - {*page.GROUPED}
    for name, group in (("models", Models), ("loop", Loop)):
        names |= {f"{name} {key}" for key in dir(group) if not key.startswith("_")}
    assert names == {page.command_of(one.argv) for one in page.cases() if one.code == 2} & names


def test_codes_stand_in_one_place():
    def below(kind):
        return [kind, *(each for part in kind.__subclasses__() for each in below(part))]

    known = {kind.__name__: kind.exit_code for kind in below(errors.NucsegError)}
    assert {*known.values()} == {1, 2, 3} <= errors.EXIT_CODES.keys()
    for line in errors.__doc__.splitlines():
        name, *rest = line.replace("├──", "").replace("└──", "").replace("│", "").split() or [""]
        if name in known:
            assert rest[0] == str(known[name]), line
    assert errors.Signalled().code == 143
    assert errors.Signalled(signal.SIGINT).code == 130
    assert {130, 143} <= errors.EXIT_CODES.keys()
