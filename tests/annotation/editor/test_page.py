"""The page in a real browser: what a hand does is on disk, exactly."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from reference.drawn import drawn_nuclei
from reference.hand import SHAPE, Hand, running, wait

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.io.labels import read_labels

ROOT = Path(__file__).parents[3]


@pytest.fixture
def server(folder):
    """The address of a server on the folder."""
    with running(folder, "--port", "0") as (_, address):
        yield address


@pytest.fixture
def hand(browser, server):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found = Hand(context.new_page(), server)
    yield found
    assert found.problems == []
    context.close()


def on_disk(folder: Path, key: str = "A/one") -> np.ndarray:
    """The labels that a server would find now."""
    return Store(open_project(folder).fields[key], SHAPE).labels.pixels


def capsule(row: int, start: int, stop: int, size: int) -> np.ndarray:
    """Pixels less than half a brush away from a row of pixels."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(y - row, x - np.clip(x, start, stop)) < size / 2


# --- the whole way ---------------------------------------------------------------------------


def test_draw_split_merge_undo_reload_and_accept(hand, folder):
    expected = drawn_nuclei()[1]
    assert np.array_equal(hand.labels(), expected)

    hand.press("b", "[", "[")  # a brush of 5 px
    hand.edits(lambda: hand.drag((60.5, 60.5), (60.5, 70.5)))
    expected[capsule(60, 60, 70, 5)] = 5
    assert np.array_equal(on_disk(folder), expected)

    # Nucleus 4 covers columns 16 to 39. Right of the line it is larger, so this piece keeps the
    # label, and gets the line's pixels.
    hand.press("s")
    hand.edits(lambda: hand.drag((44.5, 27.5), (68.5, 27.5)))
    expected[:, :27][expected[:, :27] == 4] = 6
    assert np.array_equal(on_disk(folder), expected)
    assert hand.selected() == [4, 6]

    hand.press("v")
    hand.click(20, 16)
    hand.click(28, 48, "Shift")
    assert hand.selected() == [1, 2]
    hand.edits(lambda: hand.press("m"))
    assert np.array_equal(on_disk(folder), np.where(expected == 2, 1, expected))

    hand.edits(lambda: hand.press("Control+z"))
    assert np.array_equal(on_disk(folder), expected)

    hand.page.reload()
    hand.page.wait_for_selector("body[data-field='A/one']")
    assert np.array_equal(hand.labels(), expected)
    snapshot = folder / "annotation" / "A" / "one" / "labels.tif"
    assert np.array_equal(read_labels(snapshot), expected)

    hand.press("Control+Enter")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=accepted]')
    assert np.array_equal(read_labels(folder / "masks" / "A" / "one.tif"), expected)
    assert "1 of 3 fields accepted" in hand.page.inner_text("#progress-text")
    assert hand.hosts == {hand.page.url.split("/")[2]}, "no request to anywhere else"
    assert "token" not in hand.page.url


def test_every_tool_and_its_key(hand, folder):
    hand.press("p")
    for corner in [(50, 60), (50, 78), (66, 78), (66, 60)]:
        hand.click(*corner)
    hand.edits(lambda: hand.press("Enter"))
    expected = drawn_nuclei()[1]
    expected[50:66, 60:78] = 5
    assert np.array_equal(on_disk(folder), expected)

    hand.press("e", *["["] * 4)  # 1 px, from inside: only this nucleus
    hand.edits(lambda: hand.drag((58.5, 70.5), (58.5, 72.5)))
    expected[58, 70:73] = 0
    assert np.array_equal(on_disk(folder), expected)

    hand.edits(lambda: hand.press("f"))
    expected[58, 70:73] = 5
    hand.edits(lambda: hand.press("g"))
    expected[49, 60:78] = expected[66, 60:78] = expected[50:66, 59] = expected[50:66, 78] = 5
    assert np.array_equal(on_disk(folder), expected)

    hand.edits(lambda: hand.press("Shift+G"))
    hand.edits(lambda: hand.press("Control+z"))
    assert np.array_equal(on_disk(folder), expected)
    hand.edits(lambda: hand.press("Control+Shift+Z"))
    hand.edits(lambda: hand.press("Control+z"))

    hand.press("v")
    hand.click(20, 16)
    hand.edits(lambda: hand.press("Delete"))
    expected[expected == 1] = 0
    assert np.array_equal(on_disk(folder), expected)

    hand.press("p")  # an outline drawn by hand
    hand.edits(lambda: hand.drag((10, 8), (10, 30), (30, 30), (30, 8), (11, 8)))
    made = on_disk(folder) == 6
    assert abs(int(made.sum()) - 20 * 22) < 25

    hand.press("v")
    hand.click(1, 94)
    hand.press("m")  # fewer than two are selected: the tool
    hand.edits(lambda: hand.drag((20, 20), (28, 34), (28, 48)))
    assert sorted(np.unique(on_disk(folder))) == [0, 3, 4, 5, 6]


def test_a_box_selects_what_has_its_middle_in_it(hand, folder):
    nuclei = hand.page.evaluate("Object.fromEntries(nucseg.view.labels.nuclei)")
    middles = {int(k): np.array(v["box"]).reshape(2, 2).mean(0) for k, v in nuclei.items()}
    scale = hand.page.evaluate("nucseg.view.camera.x")
    (r1, c1), (r3, c3) = middles[1], middles[3]
    hand.box((r1 - 2, c1 - 2), (r1 + 2, c1 + 2))
    assert hand.selected() == [1]
    hand.box((r3 + 1, c3 + 1), (r3 - 1, c3 - 1))
    assert hand.selected() == [1, 3], "Shift adds"
    hand.box((r1 + 1, c1 + 1), (r1 + 4, c1 + 4))
    assert hand.selected() == [1, 3], "its middle is outside"
    hand.edits(lambda: hand.press("Delete"))
    expected = np.where(np.isin(drawn_nuclei()[1], (1, 3)), 0, drawn_nuclei()[1])
    assert np.array_equal(on_disk(folder), expected)
    hand.press("Control+a")
    assert hand.selected() == [2, 4]
    assert hand.page.evaluate("nucseg.view.camera.x") == scale, "the field was not moved"
    hand.press("Escape")
    hand.drag((60.5, 60.5), (60.5, 70.5))
    assert hand.page.evaluate("nucseg.view.camera.x") != scale
    assert hand.selected() == []


def test_a_box_without_keys_replaces_the_selection(hand):
    hand.press("0", "Control+a")
    assert hand.selected() == [1, 2, 3, 4]
    hand.page.check("#box")
    hand.drag((0.5, 0.5), (36, 30))
    assert hand.selected() == [1]
    hand.press("Shift+V")
    assert not hand.page.is_checked("#box")
    hand.page.mouse.move(*hand.screen(2, 2))
    hand.page.keyboard.down("Shift")
    hand.page.mouse.down()
    hand.page.mouse.move(*hand.screen(70, 90), steps=3)
    assert hand.page.evaluate("nucseg.view.ways.length") == 1
    hand.press("Escape")
    hand.page.mouse.up()
    hand.page.keyboard.up("Shift")
    assert hand.page.evaluate("nucseg.view.ways.length") == 0
    assert hand.selected() == [1], "Escape ends the box"


def test_a_click_outlines_a_nucleus_by_its_light_where_there_is_no_model(hand, folder):
    (folder / "loop" / "v1" / "model").mkdir(parents=True)  # empty, so that it cannot be loaded
    (folder / "loop" / "current.json").write_text('{"model": "v1"}')
    hand.click(20, 16)
    hand.edits(lambda: hand.press("Delete"))
    hand.press("w")
    hand.page.wait_for_selector("#tool-hint >> text=by its light alone")
    hand.edits(lambda: hand.click(20, 16))
    (label,) = hand.selected()
    true = drawn_nuclei()[1] == 1
    found = on_disk(folder) == label
    assert label == 5
    assert (found & true).sum() > 0.7 * (found | true).sum()
    hand.edits(lambda: hand.press("Control+z"))
    assert not (on_disk(folder) == label).any()
    hand.page.wait_for_selector("#saved[data-state=saved]")


def test_a_curve_splits_several_nuclei_and_a_drag_merges_all_it_passes(hand, folder):
    hand.press("b")
    hand.edits(lambda: hand.drag((60.5, 46.5), (60.5, 56.5)))
    hand.edits(lambda: hand.drag((60.5, 68.5), (60.5, 78.5)))
    hand.press("Escape", "s")
    curve = [(52.5, 50.5), (60.5, 52.5), (69.5, 51.5), (70.5, 62.5), (68.5, 72.5), (52.5, 74.5)]
    hand.edits(lambda: hand.drag(*curve))
    after = on_disk(folder)
    assert np.unique(after[after > 4]).tolist() == [5, 6, 7, 8]
    hand.press("Escape", "m")
    hand.edits(lambda: hand.drag((60.5, 43.5), (62.5, 60.5), (60.5, 81.5)))
    after = on_disk(folder)
    assert np.unique(after[after > 4]).size == 1


def test_looking_does_not_write(hand, folder):
    for key in ("h", "h", "l", "i", "1", "0", "+", "-", "?", "Escape", "Escape", "]", "o"):
        hand.press(key)
    hand.page.fill("#filter", "two")
    assert hand.page.locator("li.field").count() == 1
    hand.page.fill("#filter", "")
    for slider in ("low", "high", "gamma", "fill-alpha"):
        hand.page.locator(f"#{slider}").focus()
        hand.press("ArrowRight")
    scale = hand.page.evaluate("nucseg.view.camera.scale")
    hand.page.mouse.move(*hand.screen(36, 48))
    hand.page.mouse.wheel(0, -500)
    wait(hand.page, f"nucseg.view.camera.scale > {1.2 * scale}")
    assert re.search(r"row 3[56], column 4[78] · value \d+", hand.page.inner_text("#cursor"))
    assert not (folder / "annotation" / "A").exists()


def test_suspects_come_by_rank_and_are_done(hand):
    hand.press("n")
    assert hand.selected() == [3]
    assert "at the edge" in hand.page.inner_text("#selected")
    middle = hand.page.evaluate(
        "nucseg.view.camera.toField(...nucseg.view.size.map((length) => length / 2))"
    )
    assert np.allclose(middle, [44, 88], atol=1)
    hand.press("n")
    assert hand.selected() == [2]
    hand.edits(lambda: hand.press("g"))
    hand.press("n")
    hand.page.wait_for_selector("text=No suspects left")
    hand.page.wait_for_selector("#saved[data-state=saved]")
    assert "0 of 2 left" in hand.page.inner_text("#suspect-count")
    hand.page.reload()
    hand.page.wait_for_selector("body[data-field]")
    assert "0 of 2 left" in hand.page.inner_text("#suspect-count")


def test_an_accepted_field_is_reopened(hand, folder):
    hand.press("Control+Enter")
    hand.page.wait_for_selector("#banner >> text=Accepted")
    hand.click(20, 16)
    hand.press("Delete")
    hand.page.wait_for_selector("text=Reopen it to change it")
    hand.page.click("#banner >> text=Reopen")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=reopened]')
    hand.edits(lambda: hand.press("Delete"))
    assert 1 in read_labels(folder / "masks" / "A" / "one.tif")
    assert 1 not in on_disk(folder)


# --- trouble ---------------------------------------------------------------------------------


def test_nothing_is_lost_when_the_server_is_killed(browser, folder):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    with running(folder, "--port", "0") as (process, address):
        hand = Hand(context.new_page(), address)
        port = re.search(r":(\d+)/", address)[1]
        hand.click(20, 16)
        hand.edits(lambda: hand.press("Delete"))
        process.send_signal(signal.SIGKILL)
        process.wait()
        hand.press("b")
        hand.drag((60.5, 60.5), (60.5, 70.5))
        hand.page.wait_for_selector("#saved[data-state=offline]")
        hand.drag((4.5, 60.5), (4.5, 70.5))
        assert "Not saved: 2" in hand.page.inner_text("#saved")
    expected = np.where(drawn_nuclei()[1] == 1, 0, drawn_nuclei()[1])
    assert np.array_equal(on_disk(folder), expected)
    with running(folder, "--port", port) as (_, address):
        hand.page.wait_for_selector("#saved[data-state=locked-out]", timeout=20_000)
        hand.page.close()  # and the browser remembers
        hand = Hand(context.new_page(), address)
        wait(hand.page, "nucseg.editor.revision === 3")
        expected[capsule(60, 60, 70, 9)] = 5
        expected[capsule(4, 60, 70, 9)] = 6
        assert np.array_equal(hand.labels(), expected)
        assert np.array_equal(on_disk(folder), expected)
    context.close()


def test_an_edit_whose_answer_is_lost_is_made_once(hand, folder):
    answers = itertools.count()

    def lose(route):
        if next(answers) == 0:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    hand.page.route("**/api/edit", lose)
    hand.press("b")
    hand.edits(lambda: hand.drag((60.5, 60.5), (60.5, 70.5)))
    expected = drawn_nuclei()[1]
    expected[capsule(60, 60, 70, 9)] = 5
    assert np.array_equal(hand.labels(), expected)
    assert np.array_equal(on_disk(folder), expected)
    hand.problems.clear()  # the browser notes the lost answer


def test_a_refused_edit_is_said_and_taken_back(hand, folder):
    hand.page.route(
        "**/api/edit",
        lambda route: route.fulfill(status=507, json={"error": "No space left on device"}),
    )
    hand.press("b")
    hand.drag((60.5, 60.5), (60.5, 70.5))
    hand.page.wait_for_selector(".toast.bad >> text=No space left on device")
    assert np.array_equal(hand.labels(), drawn_nuclei()[1])
    assert hand.page.evaluate("nucseg.view.ways.length") == 0
    hand.problems.clear()


def test_edits_of_two_fields_come_back_when_the_server_is_killed(browser, folder):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    keys = ("A/one", "A/three")
    with running(folder, "--port", "0") as (process, address):
        port = re.search(r":(\d+)/", address)[1]
        hands = [Hand(context.new_page(), address, key) for key in keys]
        for hand, key in zip(hands, keys, strict=True):
            wait(hand.page, f"document.body.dataset.field === '{key}'")
            hand.page.bring_to_front()
            hand.click(20, 16)
            hand.edits(lambda hand=hand: hand.press("Delete"))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for hand in hands:
            hand.page.bring_to_front()
            hand.press("b")
            hand.drag((60.5, 60.5), (60.5, 70.5))
            hand.page.wait_for_selector("#saved[data-state=offline]")
            hand.drag((4.5, 60.5), (4.5, 70.5))
        for hand in hands:
            hand.page.close()
    expected = np.where(drawn_nuclei()[1] == 1, 0, drawn_nuclei()[1])
    expected[capsule(60, 60, 70, 9)] = 5
    expected[capsule(4, 60, 70, 9)] = 6
    with running(folder, "--port", port) as (_, address):
        hand = Hand(context.new_page(), address)
        hand.page.wait_for_selector("#saved[data-state=saved]")
        for key in keys:
            assert np.array_equal(on_disk(folder, key), expected)
        assert hand.page.evaluate("Object.keys(localStorage).join().includes('pending')") is False
        assert hand.problems == []
    context.close()


@pytest.mark.parametrize("code", [507, 409])
def test_a_field_is_not_accepted_when_an_edit_was_just_refused(hand, folder, code):
    held = []

    def refuse(route):
        route.fulfill(status=code, json={"error": "refused"})

    hand.page.route("**/api/edit", lambda route: held.append(route))  # under way meanwhile
    hand.press("b")
    hand.drag((60.5, 60.5), (60.5, 70.5))
    hand.press("Control+Enter")
    while not held:
        hand.page.wait_for_timeout(50)
    hand.page.route("**/api/edit", refuse)
    for route in held:
        refuse(route)
    hand.page.wait_for_selector(".toast.bad >> text=look again and accept")
    assert not (folder / "masks" / "A" / "one.tif").exists()
    hand.press("Control+Enter")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=accepted]')
    hand.problems.clear()


def test_a_field_is_not_accepted_while_the_server_is_away(hand, folder):
    hand.page.route("**/api/edit", lambda route: route.abort())
    hand.press("b")
    hand.drag((60.5, 60.5), (60.5, 70.5))
    hand.page.wait_for_selector("#saved[data-state=offline]")
    hand.press("Control+Enter")
    hand.page.wait_for_selector(".toast.bad >> text=does not answer")
    hand.page.unroute("**/api/edit")
    hand.page.wait_for_selector("#saved[data-state=saved]")
    assert not (folder / "masks" / "A" / "one.tif").exists()
    assert 5 in on_disk(folder)
    hand.problems.clear()


def test_a_page_that_is_out_of_date_accepts_nothing(hand, folder):
    hand.click(20, 16)
    hand.edits(lambda: hand.press("Delete"))
    hand.page.evaluate("nucseg.editor.revision = 0")
    hand.press("Control+Enter")
    hand.page.wait_for_selector(".toast.bad >> text=look again")
    wait(hand.page, "nucseg.editor.revision === 1")
    assert not (folder / "masks" / "A" / "one.tif").exists()
    hand.problems.clear()


def test_a_browser_that_cannot_keep_edits_is_told_of(hand, folder):
    hand.page.route("**/api/edit", lambda route: route.abort())
    hand.page.evaluate("Storage.prototype.setItem = () => { throw new Error('full') }; 0")
    hand.press("b")
    hand.drag((60.5, 60.5), (60.5, 70.5))
    hand.page.wait_for_selector("#banner >> text=cannot keep unsaved edits")
    hand.page.unroute("**/api/edit")
    hand.page.wait_for_selector("#saved[data-state=saved]")
    assert 5 in on_disk(folder)
    hand.problems.clear()


def test_a_duplicated_tab_is_another_page(hand):
    with hand.page.expect_popup() as popup:
        hand.page.evaluate("void window.open('/')")
    twin = popup.value
    twin.wait_for_selector("body[data-field]")
    name = "nucseg.editor.api.page"
    assert twin.evaluate(name) != hand.page.evaluate(name)
    assert "in another window" in twin.inner_text("#banner")
    before = hand.page.evaluate(name)
    hand.page.reload()
    hand.page.wait_for_selector("body[data-field]")
    assert hand.page.evaluate(name) == before
    twin.close()


def test_an_error_of_the_server_is_told_in_the_end(hand):
    hand.page.route("**/api/edit", lambda route: route.fulfill(status=500, json={"error": "a bug"}))
    hand.press("b")
    hand.drag((60.5, 60.5), (60.5, 70.5))
    hand.page.wait_for_selector(".toast.bad >> text=a bug", timeout=20_000)
    hand.page.wait_for_selector("#saved[data-state=saved]")
    assert np.array_equal(hand.labels(), drawn_nuclei()[1])
    hand.problems.clear()


def test_an_unreadable_image_is_passed(hand, folder):
    (folder / "images" / "A" / "three.tif").write_bytes(b"nothing")
    hand.press("PageDown")
    hand.page.wait_for_selector('[data-key="A/three"][data-status=error]')
    hand.page.evaluate("nucseg.editor.open('two')")
    wait(hand.page, "document.body.dataset.field === 'two'")
    hand.press("PageDown")
    wait(hand.page, "document.body.dataset.field === 'A/one'")
    assert hand.page.evaluate("nucseg.editor.fields.neighbour(1)") is None
    hand.problems.clear()


def test_enter_and_space_press_the_button_in_focus(hand):
    hand.page.locator("[data-tool=erase]").focus()
    hand.press("Enter")
    assert hand.page.get_attribute("#view", "data-tool") == "erase"
    hand.page.locator("[data-tool=split]").focus()
    hand.press("Space")
    assert hand.page.get_attribute("#view", "data-tool") == "split"
    hand.page.click("[data-tool=polygon]")
    assert hand.page.evaluate("document.activeElement === document.body")


def test_the_page_says_what_a_field_begins_from(hand):
    hand.page.wait_for_selector("#history >> text=begins from prelabels")
    hand.page.evaluate("nucseg.editor.open('A/three')")
    hand.page.wait_for_selector("#history >> text=begins from the mask that was there")


@contextmanager
def two_people(browser, folder: Path) -> Iterator[list]:
    """Pages of anna and ben, who opened the same field, she first."""
    with running(folder, "--port", "0", "--users", "anna,ben") as (_, address):
        contexts = [browser.new_context() for _ in range(2)]
        pages = [context.new_page() for context in contexts]
        for page, name in zip(pages, ("anna", "ben"), strict=True):
            page.goto(address)
            page.click(f"dialog >> text={name}")
            page.wait_for_selector("body[data-field]")
            page.click('[data-key="A/one"] button')
            page.wait_for_selector('body[data-field="A/one"]')
        yield pages
        for context in contexts:
            context.close()


def test_two_people_do_not_edit_one_field(browser, folder):
    with two_people(browser, folder) as pages:
        assert "anna edits this field" in pages[1].inner_text("#banner")
        assert pages[0].is_hidden("#banner")
        assert pages[1].is_disabled("[data-action=accept]")
        pages[0].keyboard.press("n")
        pages[0].keyboard.press("Delete")
        wait(pages[0], "nucseg.editor.revision === 1")
        pages[1].evaluate("nucseg.editor.beat()")
        wait(pages[1], "nucseg.view.labels.nuclei.size === 3")
        pages[0].close()
        wait(pages[1], "nucseg.editor.beat().then(() => nucseg.editor.field.writable)")
        assert pages[1].is_hidden("#banner")


def test_a_page_that_nobody_sits_at_is_taken_over(browser, folder):
    with two_people(browser, folder) as (_, ben):
        assert ben.locator("#banner button").count() == 0
        # twelve minutes later
        held = {"writable": False, "user": "anna", "idle": 725, "revision": 0}
        ben.route("**/api/beat", lambda route: route.fulfill(json=held))
        ben.evaluate("nucseg.editor.beat()")
        ben.wait_for_selector("#banner >> text=anna has not touched this field for 12 min")
        assert ben.inner_text("#banner button") == "Take over"


def test_edits_of_a_page_that_was_taken_over_are_refused_and_told(browser, folder):
    with running(folder, "--port", "0") as (_, address):
        context = browser.new_context()
        old, new = context.new_page(), context.new_page()
        hand = Hand(old, address)
        Hand(new, address)
        old.route("**/api/edit", lambda route: route.abort())
        hand.press("b")
        hand.drag((60.5, 60.5), (60.5, 70.5))
        hand.drag((4.5, 60.5), (4.5, 70.5))
        new.click("#banner >> text=Edit here")
        wait(new, "nucseg.editor.field.writable")
        old.unroute("**/api/edit")
        old.wait_for_selector(".toast.bad >> text=Edits that were not made: 2", timeout=15_000)
        wait(old, "!nucseg.editor.field.writable")
        old.wait_for_selector("#banner >> text=in another window")
        assert np.array_equal(hand.labels(), drawn_nuclei()[1])
        assert old.is_disabled("[data-action=accept]")
        context.close()


def test_a_page_without_the_token_shows_nothing(browser, server):
    page = browser.new_page()
    page.goto(server.partition("#")[0])
    page.wait_for_selector("#banner >> text=the token is missing")
    page.goto(f"{server.partition('#')[0]}#token=wrong")
    page.wait_for_selector("#banner >> text=token is missing or wrong")
    page.close()


# --- touch and stylus --------------------------------------------------------------------------


def test_two_fingers_zoom_and_one_draws(browser, server, folder):
    context = browser.new_context(viewport={"width": 800, "height": 600}, has_touch=True)
    hand = Hand(context.new_page(), server)
    devtools = context.new_cdp_session(hand.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    scale = hand.page.evaluate("nucseg.view.camera.scale")
    hand.press("b")
    touch("touchStart", (300, 300))
    touch("touchStart", (300, 300), (400, 300))
    touch("touchMove", (250, 300), (450, 300))
    touch("touchEnd")
    wait(hand.page, f"nucseg.view.camera.scale > {1.9 * scale}")
    assert hand.page.evaluate("nucseg.editor.revision") == 0, "the first finger drew nothing"
    hand.press("0")

    def draw() -> None:
        touch("touchStart", hand.screen(60.5, 60.5))
        for column in range(61, 71):
            touch("touchMove", hand.screen(60.5, column + 0.5))
        touch("touchEnd")

    hand.edits(draw)
    expected = drawn_nuclei()[1]
    expected[capsule(60, 60, 70, 9)] = 5
    assert np.array_equal(on_disk(folder), expected)
    context.close()


def test_a_long_press_selects_in_a_box_and_a_short_one_moves(browser, server):
    context = browser.new_context(viewport={"width": 800, "height": 600}, has_touch=True)
    hand = Hand(context.new_page(), server)
    devtools = context.new_cdp_session(hand.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def slide(*corners: tuple[float, float], rest: int) -> None:
        (y0, x0), (y1, x1) = corners
        touch("touchStart", hand.screen(y0, x0))
        hand.page.wait_for_timeout(rest)
        for part in (0.25, 0.5, 0.75, 1):
            touch("touchMove", hand.screen(y0 + part * (y1 - y0), x0 + part * (x1 - x0)))
        touch("touchEnd")

    left = hand.page.evaluate("nucseg.view.camera.x")
    slide((1, 1), (71, 95), rest=700)
    assert hand.selected() == [1, 2, 3, 4]
    assert hand.page.evaluate("nucseg.view.camera.x") == left
    touch("touchStart", hand.screen(20, 16))
    touch("touchEnd")
    assert hand.selected() == [1]
    touch("touchStart", hand.screen(60, 80))
    for step in range(1, 5):
        touch("touchMove", (400 + 10 * step, 400))
    hand.page.wait_for_timeout(700)
    touch("touchEnd")
    assert hand.page.evaluate("nucseg.view.camera.x") != left, "a finger that moves at once moves"
    assert hand.selected() == [1]
    hand.press("0")
    hand.page.check("#box")
    slide((1, 1), (36, 95), rest=0)
    assert 1 in hand.selected()
    assert hand.page.evaluate("nucseg.view.camera.x") == left
    touch("touchStart", (300, 300))
    touch("touchStart", (300, 300), (400, 300))
    assert hand.page.evaluate("nucseg.view.ways.length") == 0, "two fingers draw no box"
    touch("touchEnd")
    assert hand.problems == []
    context.close()


def test_after_a_stylus_a_finger_only_moves(browser, server, folder):
    context = browser.new_context(viewport={"width": 800, "height": 600}, has_touch=True)
    hand = Hand(context.new_page(), server)
    devtools = context.new_cdp_session(hand.page)

    def pen(kind: str, row: float, column: float) -> None:
        x, y = hand.screen(row, column)
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1}
        devtools.send("Input.dispatchMouseEvent", event | {"pointerType": "pen", "clickCount": 1})

    def draw() -> None:
        pen("mousePressed", 60.5, 60.5)
        pen("mouseMoved", 60.5, 70.5)
        pen("mouseReleased", 60.5, 70.5)

    hand.press("b")
    hand.edits(draw)
    expected = drawn_nuclei()[1]
    expected[capsule(60, 60, 70, 9)] = 5
    assert np.array_equal(on_disk(folder), expected)
    before = hand.page.evaluate("nucseg.view.camera.x")
    for kind, x in (("touchStart", 300), ("touchMove", 340), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": 300}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    wait(hand.page, f"nucseg.view.camera.x === {before + 40}")
    assert hand.page.evaluate("nucseg.editor.revision") == 1
    context.close()
