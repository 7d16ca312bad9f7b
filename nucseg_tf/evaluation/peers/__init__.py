"""Other tools beside ours in a benchmark, each run in a Python environment of its own.

table.py        which there are, and where their environments lie
run.py          predicts with one: starts its program and listens to it
programs/       run in the environments of the tools; nothing here imports them
requirements/   what is installed in these environments, in versions that were tested
"""
