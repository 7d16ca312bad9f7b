"""Bad input of every kind, and what the program must do with it; docs/reliability/bad_input.md.

A module a group of cases; `case.py` says what a case is, and `page.py` writes the page.
"""
