"""The documentation as a site: `make docs`. No network is needed, to build or to read it.

Sphinx reads the repository as it is, so a link that works on a code host works in the site: pages
are README.md, docs/ and what stands beside; the Python API comes from the docstrings.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "nucseg_tf"
release = metadata.version("nucseg-tf")
copyright = "nucseg_tf developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["*.md", "docs/**/*.md", "docs/*.md", "workflow/config/README.md"]
exclude_patterns = [
    ".*",
    "runs",
    "site",
    "build",
    "dist",
    "nucseg_tf",
    "tests",
]  # not walked

html_theme = "furo"
html_title = "nucseg_tf"
html_copy_source = False
myst_heading_anchors = 4  # #what-a-heading-says, as on code hosts
myst_links_external_new_tab = False
highlight_language = "none"  # of blocks that name none
default_role = "code"  # `name` in docstrings
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_rtype = False

SECTIONS = {
    "First steps": ("tutorial", "formats", "runs", "containers", "exit_codes"),
    "In other programs": (),  # pages of docs/ that no other section names
    "Find and measure": (
        *("prediction", "measurements", "confidence", "stacks", "plates", "plate-report"),
    ),
    "Annotate and train": (
        *("prelabel", "annotation", "loop", "exchange", "augmentation", "simulation"),
        "/workflow/config/README",
    ),
    "How good, how fast": ("benchmark", "experiments", "stress", "speed"),
    "What can go wrong": (
        *("reliability", "reliability/odd_files", "reliability/bad_input", "reliability/faults"),
        *("reliability/kills", "reliability/load", "reliability/determinism"),
        *("reliability/untrusted", "reliability/fuzzing", "/SECURITY"),
    ),
    "For developers": ("api", "architecture", "adding_a_model", "/CONTRIBUTING", "/CHANGELOG"),
}


def contents() -> str:
    """The navigation."""
    named = {name for names in SECTIONS.values() for name in names}
    rest = sorted({path.stem for path in (ROOT / "docs").glob("*.md")} - named)
    lines: list[str] = []
    for caption, names in SECTIONS.items():
        if pages := names or rest:
            lines += ["", "```{toctree}", ":hidden:", f":caption: {caption}", ""]
            lines += [name if name.startswith("/") else f"/docs/{name}" for name in pages]
            lines += ["```"]
    return "\n".join(lines)


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the navigation to the first page, where a code host would show it as code."""
    if page == root_doc:
        source[0] += contents()


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
