"""Softmax and its kin, and the normalisations."""

from __future__ import annotations

from mpmath import mp


def _mean(row):
    return mp.fsum(row) / len(row)


def _log_softmax(row):
    total = mp.log(mp.fsum(map(mp.exp, row)))
    return [x - total for x in row]


def _softmin(row):
    total = mp.fsum(mp.exp(-x) for x in row)
    return [mp.exp(-x) / total for x in row]


def _sparsemax(row):
    """By sorting: the largest values that stay above the threshold that they would have among themselves."""
    largest = sorted(row, reverse=True)
    count = max(n for n in range(1, len(row) + 1) if 1 + n * largest[n - 1] > mp.fsum(largest[:n]))
    threshold = (mp.fsum(largest[:count]) - 1) / count
    return [max(x - threshold, mp.zero) for x in row]


def _hardmax(row):
    return [mp.mpf(place == row.index(max(row))) for place in range(len(row))]


def _l2(row, eps):
    length = max(mp.sqrt(mp.fsum(x**2 for x in row)), eps)
    return [x / length for x in row]


def _rms(row, eps, gain):
    root = mp.sqrt(_mean([x**2 for x in row]) + eps)
    return [x / root * gain for x in row]


def _layer(row, eps, gain, shift):
    mean = _mean(row)
    root = mp.sqrt(_mean([(x - mean) ** 2 for x in row]) + eps)
    return [(x - mean) / root * gain + shift for x in row]


ROWS = {
    "log_softmax": _log_softmax,
    "softmin": _softmin,
    "sparsemax": _sparsemax,
    "hardmax": _hardmax,
    "norm:l2": _l2,
    "norm:rms": _rms,
    "norm:layer": _layer,
}
