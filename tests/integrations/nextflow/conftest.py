"""What another parser of Nextflow is needed for is run by `make clusters-test`."""

from __future__ import annotations

from importlib.util import find_spec

# Without it there is nothing here to be run, which is no skip.
collect_ignore = [] if find_spec("reftrace") else ["test_syntax.py"]
