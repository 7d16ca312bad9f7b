"""Parsers that are fuzzed: by tests/properties a little, by scripts/reliability/fuzz.py at length.

`target.py` says what counts as a finding, `vary.py` how inputs are varied; the other modules have
the parsers, with inputs to begin with.
"""
