"""How a model does on images unlike those that it knows: real fields, altered, with exact truth.

`scene.py` is a field with its truth, `kinds.py` names what may be done to it, `run.py` predicts and
scores, `table.py` and `sheet.py` show the outcome.
"""
