"""Specs in files that people write: found by the file's own syntax, checked, shown where they stand, rewritten.

A file is read by the module of its format into the nodes of ``document``; ``select`` says which of them are specs,
``check`` what is wrong with those, ``rewrite`` how they are spelled. Nothing that stands in a file is imported or run.
"""
