"""What BIOMERO's packages are needed for is run by `make clusters-test`."""

from __future__ import annotations

from importlib.util import find_spec

# Without them there is nothing here to be run, which is no skip.
collect_ignore = [] if find_spec("biomero_schema") else ["test_job.py"]
