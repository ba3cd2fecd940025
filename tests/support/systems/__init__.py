"""The systems that dialects speak for, each run in a process of its own, which may set what it likes for all.

``python -m tests.support.systems.torch FILE`` reads what to run from FILE, and writes beside it what came of it.
"""
