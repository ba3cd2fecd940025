"""Formulas as data: what can be learnt of one by running it on a symbol instead of an array."""
