"""Threads that run parts of one call side by side; the kernels let go of Python's lock while they work.

The parts of a call are the same for any number of threads, so results are too.
"""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

import numpy as np

_VARIABLE = "ACTSPEC_NUM_THREADS"


def set_num_threads(n: int | None) -> None:
    """Let large arrays be shared among ``n`` threads at most; None for the default.

    The default is the environment variable ACTSPEC_NUM_THREADS where it is set, else the number of cores that the
    process may use. Results don't depend on it. TypeError or ValueError where n is no whole number from 1.

    >>> import actspec
    >>> actspec.set_num_threads(1)
    >>> actspec.get_num_threads()
    1
    >>> actspec.set_num_threads(None)
    """
    if n is not None:
        try:
            n = operator.index(n) if not isinstance(n, bool) else None
        except TypeError:
            n = None
        if n is None:
            raise TypeError("n must be a whole number of threads or None")
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
    _settings.chosen = n


def get_num_threads() -> int:
    """The most threads that share a call.

    ValueError where the environment variable ACTSPEC_NUM_THREADS is set to anything but a whole number from 1.
    """
    if _settings.chosen is not None:
        return _settings.chosen
    if _settings.default is None:
        _settings.default = _default()
    return _settings.default


def _default() -> int:
    given = os.environ.get(_VARIABLE, "").strip()
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (given.isascii() and given.isdigit() and int(given) >= 1):
        raise ValueError(f"the environment variable {_VARIABLE} must be a whole number from 1, not {given!r}")
    return int(given)


class _Settings:
    def __init__(self) -> None:
        self.chosen: int | None = None
        self.default: int | None = None


_settings: Final = _Settings()


def share(work: Callable[[int], None], count: int, threads: int) -> None:
    """Call ``work`` with each of the numbers below ``count``, from so many threads, and wait until all is done.

    What one of the calls raises is raised here, and the rest may stay undone.
    """
    threads = min(threads, count)
    if threads <= 1:
        for number in range(count):
            work(number)
        return
    job = _Job(work, count)
    _pool.help(job, threads - 1)
    job.run()
    job.finished.acquire()
    if job.error is not None:
        raise job.error


class _Job:
    """A call on its way: which parts are taken, and which are done."""

    def __init__(self, work: Callable[[int], None], count: int) -> None:
        self._work = work
        self._parts = iter(range(count))
        self._left = count
        self._lock = threading.Lock()
        self.error: BaseException | None = None
        self.finished = threading.Lock()
        self.finished.acquire()

    def run(self) -> None:
        """Work on parts until none is left to take."""
        done = 0
        while True:
            number = next(self._parts, None)  # one step for Python's lock, which makes it safe
            if number is None:
                break
            if self.error is None:
                try:
                    self._work(number)
                except BaseException as error:
                    self.error = error
            done += 1
        if done:
            with self._lock:
                self._left -= done
                last = not self._left
            if last:
                self.finished.release()


class _Pool:
    """Threads that wait for jobs, started as they are needed."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()

    def help(self, job: _Job, helpers: int) -> None:
        """Let some threads work on a job."""
        if self._started < helpers:
            with self._lock:
                while self._started < helpers:
                    try:
                        threading.Thread(target=self._serve, name=f"actspec-{self._started}", daemon=True).start()
                    except RuntimeError:  # the system gives no more: those that there are do the work
                        break
                    self._started += 1
        for _ in range(min(helpers, self._started)):
            self._jobs.put(job)

    def _serve(self) -> None:
        jobs = self._jobs
        with np.errstate(all="ignore"):  # as who shares work has it: NumPy keeps it for each thread
            while True:
                jobs.get().run()


_pool = _Pool()


def _forget_threads() -> None:
    """Start anew in a forked child, which has none of its parent's threads."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
