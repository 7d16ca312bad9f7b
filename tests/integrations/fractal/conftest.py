"""What Fractal's packages are needed for is run by `make clusters-test`."""

from __future__ import annotations

from importlib.util import find_spec

# Without them there is nothing here to be run, which is no skip.
collect_ignore = [] if find_spec("fractal_task_tools") and find_spec("ngio") else ["test_server.py"]
