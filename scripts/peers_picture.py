"""Makes docs/peers.png of a report: what was left out, the scores, time and memory.

python scripts/peers_picture.py OUT/report.html docs/peers.png
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1240, 900  # px
COLOURS = 64
HIDE = """() => {
  const parts = [...document.body.children];
  const at = text => parts.findIndex(part => part.tagName === 'H2' && part.innerText === text);
  const [cost, end] = [at('Time and memory'), at('A few images')];
  const first = parts.findIndex(part => part.classList.contains('scroll'));
  parts.forEach((part, i) => {
    if (!(i <= first || (i >= cost && i < end))) part.style.display = 'none';
    if (i > 1 && part.tagName === 'P') part.style.display = 'none';
  });
}"""


def main() -> None:
    """Write the picture of one path to the other."""
    report, picture = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    program = os.environ.get("NUCSEG_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.as_uri())
        page.evaluate(HIDE)
        height = page.evaluate("document.body.getBoundingClientRect().height")
        page.set_viewport_size({"width": WIDTH, "height": int(height) + 8})
        page.screenshot(path=picture)
        browser.close()
    image = Image.open(picture).convert("RGB")
    image.quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    main()
