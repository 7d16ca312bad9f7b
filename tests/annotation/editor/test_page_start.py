"""The page from images alone, in a real browser: folders, drops, planes, contrast, regions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei
from reference.hand import ROOT, Hand, running, wait

from nucseg_tf.annotation.loop import locks
from nucseg_tf.data.regions import read_regions
from nucseg_tf.io.labels import read_labels

SIZES = {"width": 1280, "height": 800}


def unlabelled(folder: Path):
    """Keep the server from labelling fields, as if somebody else did."""
    (folder / locks.LOOP).mkdir(exist_ok=True)
    return locks.take(folder, locks.PREDICTING)


@contextmanager
def opened(browser, folder: Path, *options: str, field: str = "A/one"):
    """A page of a server on a folder, and a hand on it."""
    with unlabelled(folder), running(folder, "--port", "0", *options) as (_, address):
        context = browser.new_context(viewport=SIZES)
        yield Hand(context.new_page(), address, field)
        context.close()


@pytest.fixture
def hand(browser, folder):
    with opened(browser, folder) as found:
        yield found
        assert found.problems == []


def drop(page, *files: Path) -> None:
    """Drop files on the page, as from the desktop."""
    page.set_input_files("#file-input", [str(file) for file in files])


# --- the list and folders --------------------------------------------------------------------


def test_the_list_shows_small_pictures_of_the_fields(hand):
    wait(hand.page, "document.querySelectorAll('canvas.thumb[data-shown=yes]').length === 3")
    seen = "Array.from(document.querySelector('canvas.thumb').getContext('2d')"
    seen += ".getImageData(0, 0, 72, 72).data).filter((v, i) => i % 4 === 0)"
    values = np.array(hand.page.evaluate(seen))
    assert values.max() > 200 > 60 > values.min()


def test_pictures_out_of_sight_are_not_asked_for(browser, folder):
    for number in range(60):
        shutil.copy(folder / "images" / "two.tif", folder / "images" / f"z{number:02d}.tif")
    with opened(browser, folder) as hand:
        hand.page.wait_for_selector("canvas.thumb[data-shown=yes]")
        hand.page.wait_for_timeout(800)
        assert 10 < hand.page.locator("canvas.thumb[data-shown=yes]").count() < 40
        assert len(list((folder / "annotation" / ".thumbnails").iterdir())) < 40


def test_a_folder_is_chosen_made_and_filled(browser, folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(folder, root / "plate")
    image = root / "new.tif"
    shutil.copy(folder / "images" / "two.tif", image)
    command = [sys.executable, "-m", "nucseg_tf", "annotate", "--port", "0", "--root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            page = browser.new_page(viewport=SIZES)
            page.goto(process.stdout.readline().strip())
            page.wait_for_selector("#chooser[open] [data-path]")
            assert "3 images" in page.inner_text("#chooser-list")
            page.keyboard.press("Escape")
            assert page.locator("#chooser[open]").count() == 1, "there is nothing else to do"
            with page.expect_navigation():
                page.click("#chooser-list .open")
            page.wait_for_selector("body[data-field='A/one'], body[data-field='two']")
            assert page.inner_text("#project") == "plate"
            page.keyboard.press("Control+o")
            page.wait_for_selector("#chooser[open]")
            page.wait_for_selector("#chooser-list li")
            page.fill("#chooser-name", "fresh")
            with page.expect_navigation():
                page.click("#chooser-new button")
            page.wait_for_selector("#nothing:not([hidden])")
            with unlabelled(root / "fresh"):
                drop(page, image)
                page.wait_for_selector("body[data-field=new]")
                process.kill()
            assert (root / "fresh" / "images" / "new.tif").read_bytes() == image.read_bytes()
            page.close()
        finally:
            process.kill()


def test_other_pages_begin_anew_with_the_new_folder(browser, folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(folder, root / "plate")
    with running(folder, "--port", "0", "--root", str(root)) as (_, address):
        context = browser.new_context(viewport=SIZES)
        first = Hand(context.new_page(), address)
        second = Hand(context.new_page(), address, "two")
        first.press("Control+o")
        first.page.wait_for_selector("#chooser[open] li")
        first.page.evaluate("(path) => nucseg.chooser.look(path)", str(root))
        first.page.click("#chooser-list .open")
        first.page.wait_for_selector("#chooser-error button")
        assert "works on two" in first.page.inner_text("#chooser-error")
        with first.page.expect_navigation():
            first.page.click("#chooser-error button")
        first.page.wait_for_selector("body[data-field]")
        assert first.page.inner_text("#project") == "plate"
        with second.page.expect_navigation():
            second.press("b")
            second.drag((60.5, 60.5), (60.5, 70.5))
        second.page.wait_for_selector("body[data-field]")
        assert second.page.inner_text("#project") == "plate"
        assert "Another folder was opened" in second.page.inner_text("#toasts")
        assert not (root / "plate" / "annotation" / "two").exists()
        pending = second.page.evaluate(
            "Object.keys(localStorage).filter((key) => key.startsWith('nucseg:pending')).length"
        )
        assert pending == 1, "kept until its folder is open again"
        context.close()


# --- dropping --------------------------------------------------------------------------------


def test_dropped_images_are_in_the_list(browser, folder, tmp_path_factory):
    there = tmp_path_factory.mktemp("desktop")
    shutil.copy(folder / "images" / "two.tif", there / "fresh.tif")
    shutil.copy(folder / "images" / "two.tif", there / "two.tif")
    (there / "bad.tif").write_bytes(b"no image")
    (there / "notes.txt").write_text("no image")
    with opened(browser, folder) as hand:
        drop(hand.page, *sorted(there.iterdir()))
        hand.page.wait_for_selector("[data-key=fresh] canvas[data-shown=yes]")
        wait(hand.page, "document.querySelectorAll('#uploads [data-state=failed]').length === 3")
        text = hand.page.inner_text("#uploads")
        for part in ("bad.tif: damaged", "notes.txt: is no image", "two.tif: there is a field"):
            assert part in text
        assert "of 4 fields" in hand.page.inner_text("#progress-text")
    assert (folder / "images" / "fresh.tif").is_file()


def test_a_drop_on_the_page(hand, folder):
    """With the events of the browser: the file itself cannot come from a desktop here."""
    content = list((folder / "images" / "two.tif").read_bytes())
    hand.page.evaluate(
        "(bytes) => { const data = new DataTransfer();"
        "data.items.add(new File([new Uint8Array(bytes)], 'dropped.tif'));"
        "for (const name of ['dragenter', 'dragover', 'drop'])"
        "window.dispatchEvent(new DragEvent(name, { dataTransfer: data, cancelable: true })); }",
        content,
    )
    hand.page.wait_for_selector("[data-key=dropped]")
    assert hand.page.locator("#drop").is_hidden()
    assert (folder / "images" / "dropped.tif").read_bytes() == bytes(content)


# --- planes and contrast ---------------------------------------------------------------------


def test_a_stack_asks_for_its_channel(browser, tmp_path):
    image = drawn_nuclei()[0].astype(np.uint16)
    data = np.stack([image, image[::-1]])
    metadata = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}}
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", data, ome=True, metadata=metadata)
    with unlabelled(tmp_path), running(tmp_path, "--port", "0") as (_, address):
        page = browser.new_page(viewport=SIZES)
        page.goto(address)
        page.wait_for_selector("#planes[open] select")
        page.select_option("#planes select", "DAPI")
        page.click("#planes-use")
        page.wait_for_selector("body[data-field=a]")
        pixels = "Array.from(nucseg.view.picture.pixels)"
        assert np.array_equal(page.evaluate(pixels), image[::-1].ravel())
        assert page.inner_text("#choose-plane") == "DAPI"
        page.wait_for_selector("[data-key=b] canvas[data-shown=yes]")
        page.keyboard.press("a")
        page.wait_for_selector("[data-key=a][data-status=aside]")
        page.click("#choose-plane")
        page.select_option("#planes select", "GFP")
        page.click("#planes-use")
        page.wait_for_selector("#planes-error:not([hidden])")
        assert "worked on" in page.inner_text("#planes-error")
        page.click("#planes-use")
        page.wait_for_selector("#planes", state="hidden")
        wait(page, f"nucseg.view.picture.pixels[0] === {image[0, 0]}")
        page.click("#choose-plane")
        page.check("#planes-invert")
        page.click("#planes-use")
        page.wait_for_selector("#planes-error:not([hidden])")
        page.click("#planes-use")
        page.wait_for_selector("#planes", state="hidden")
        wait(page, f"nucseg.view.picture.pixels[0] === {np.invert(image[0, 0])}")
        assert page.inner_text("#choose-plane") == "GFP · dark nuclei"
        page.close()
    assert '"GFP"' in (tmp_path / "annotation" / "project.json").read_text()


def test_contrast_of_what_is_in_view(hand):
    page = hand.page
    black, white = page.evaluate("[nucseg.view.picture.black, nucseg.view.picture.white]")
    page.evaluate("nucseg.view.camera.show([54, 60, 70, 78], ...nucseg.view.size)")  # background
    hand.press("k")
    wait(page, f"nucseg.view.picture.white < {(black + white) / 2}")
    page.click("#reset-display")
    wait(page, f"nucseg.view.picture.white === {white}")
    box = page.locator("#histogram").bounding_box()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    wait(page, f"nucseg.view.picture.white < {0.8 * white}")
    assert page.evaluate("nucseg.view.picture.black") == black
    page.click("#reset-display")
    wait(page, f"nucseg.view.picture.white === {white}")
    before = page.evaluate("nucseg.view.camera.x")
    page.keyboard.down("Alt")
    hand.drag((60, 66), (60, 62))
    page.keyboard.up("Alt")
    wait(page, f"nucseg.view.picture.white < {white}")
    assert page.evaluate("nucseg.view.camera.x") == before
    assert page.evaluate("nucseg.view.selected") == []


# --- set aside and regions -------------------------------------------------------------------


def test_a_field_is_set_aside_and_taken_back(hand, folder):
    hand.press("a")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=aside]')
    assert "of 2 fields accepted · 1 set aside" in hand.page.inner_text("#progress-text")
    assert hand.page.evaluate("nucseg.editor.fields.unfinished()") != "A/one"
    hand.press("PageUp")
    hand.page.wait_for_selector("body[data-field=two]")
    hand.press("PageDown")
    hand.page.wait_for_selector("body[data-field='A/three']")  # past the one set aside
    hand.page.click('[data-key="A/one"] button')
    hand.page.wait_for_selector("body[data-field='A/one']")
    assert "Set aside" in hand.page.inner_text("#banner")
    hand.press("a")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=begun]')
    hand.press("v")
    hand.click(20, 16)
    hand.edits(lambda: hand.press("Delete"))


def test_finished_regions_of_a_field(hand, folder):
    mask = folder / "masks" / "A" / "one.tif"
    hand.press("r")
    hand.edits(lambda: hand.drag((2, 2), (40, 50)))
    hand.edits(lambda: hand.drag((30.5, 40.5), (-20, 90.5)))
    boxes = hand.page.evaluate("nucseg.view.regions")
    assert boxes[1] == [0, 40, 31, 91], "cut to the field, in whole pixels"
    assert all(abs(a - b) <= 1 for a, b in zip(boxes[0], [2, 2, 40, 50], strict=True))
    assert hand.page.locator(".region-remove").count() == 2
    hand.edits(lambda: hand.page.locator(".region-remove").nth(1).click())
    assert hand.page.evaluate("nucseg.view.regions") == boxes[:1]
    hand.edits(lambda: hand.press("Control+z"))
    assert hand.page.evaluate("nucseg.view.regions") == boxes
    hand.edits(lambda: hand.press("Control+z"))
    hand.press("Control+Enter")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=accepted]')
    assert "Only its region is trained on" in hand.page.inner_text("#toasts")
    assert [list(box) for box in read_regions(mask)] == boxes[:1]
    assert np.array_equal(read_labels(mask), drawn_nuclei()[1])

    hand.page.reload()
    hand.page.wait_for_selector("#banner:has-text('in its regions')")
    hand.page.click("text=Reopen")
    hand.page.wait_for_selector(".region-remove:not([hidden])")
    assert hand.page.evaluate("nucseg.view.regions") == boxes[:1]
    hand.edits(lambda: hand.page.click("#regions-clear"))
    hand.press("Control+Enter")
    hand.page.wait_for_selector('[data-key="A/one"][data-status=accepted]')
    assert read_regions(mask) == ()


def test_a_page_takes_what_others_changed_in_the_list_row_by_row(browser, folder):
    with unlabelled(folder), running(folder, "--port", "0") as (_, address):
        context = browser.new_context()
        anna, ben = Hand(context.new_page(), address).page, Hand(context.new_page(), address).page
        answers = []
        ben.on("response", lambda one: answers.append(one) if "/api/loop" in one.url else None)
        poll = "nucseg.loop.poll()"
        ben.evaluate(poll)
        ben.evaluate("void (window.before = [...document.querySelectorAll('li.field')])")
        answers.clear()
        ben.evaluate(poll)
        assert "fields" not in answers[-1].json()  # nothing has changed
        anna.evaluate("nucseg.editor.open('A/three')")  # whose labels are not still to come
        anna.wait_for_selector("body[data-field='A/three']")
        anna.click("[data-action=accept]")
        anna.wait_for_selector("[data-key='A/three'][data-status=accepted]")
        ben.evaluate(poll)
        told = [answer.json() for answer in answers]  # the page asks by itself, too
        assert not any(one.get("whole") for one in told)
        assert "A/three" in {row["key"] for one in told for row in one.get("fields", [])}
        ben.wait_for_selector("[data-key='A/three'][data-status=accepted]")
        kept = "window.before.map((item) => [item.dataset.key, item.isConnected])"
        assert ["A/three", False] in ben.evaluate(kept)
        assert ["two", True] in ben.evaluate(kept)  # its entry is the same as before
        assert ben.inner_text("#progress-text") == anna.inner_text("#progress-text")
        keys = "[...document.querySelectorAll('li.field')].map((item) => item.dataset.key)"
        assert ben.evaluate(keys) == anna.evaluate(keys)
        context.close()


def test_rows_are_taken_in_any_order_with_new_ones_among_them(hand):
    page = hand.page
    # None of these fields is the server's: it must not be asked for them, nor tell of its own.
    page.evaluate("void (nucseg.loop.turn += 1, clearTimeout(nucseg.loop.timer))")
    shown = "[...document.querySelectorAll('li.field')]"
    shown += ".map(({ dataset }) => [dataset.key, dataset.status])"
    page.evaluate("void (window.list = nucseg.editor.fields, list.thumbnails = null)")
    row = {"status": "new", "count": 7, "suspects_left": 0, "model": "", "stale": False}
    row |= {"learn": None, "why": "", "regions": 0, "user": "", "page": ""}
    rows = [row | {"key": "zoe"}, row | {"key": "two", "status": "accepted"}, row | {"key": "ada"}]
    page.evaluate("(rows) => list.refresh(rows, false)", rows)
    known = [["ada", "new"], ["two", "accepted"], ["zoe", "new"], ["A/one", "new"]]
    assert page.evaluate(shown)[:4] == known
    assert "7 nuclei" in page.inner_text("[data-key='ada']")
    mine = row | {"key": "A/one", "status": "accepted", "count": 1}
    page.evaluate("(rows) => list.refresh(rows, false)", [mine])  # open here, and untouched
    page.fill("#filter", "zoe")
    page.evaluate("(rows) => list.refresh(rows, false)", [row | {"key": "two"}])
    assert page.evaluate(shown) == [["zoe", "new"]]
    page.fill("#filter", "")
    assert ["two", "new"] in page.evaluate(shown)
    page.evaluate("(rows) => list.refresh(rows, true)", rows)
    assert len(page.evaluate(shown)) == 3
