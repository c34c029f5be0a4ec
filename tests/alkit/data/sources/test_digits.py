"""The digits: a fixed, stratified split of scikit-learn's images."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
from sklearn.datasets import load_digits

from alkit.data.source import Source
from alkit.plugin.sources import open_source


def answered(source: Source) -> dict[str, str]:
    answers = source.answers()
    assert list(answers) == source.keys()
    return answers


def test_split_is_fixed_stratified_and_complete() -> None:
    pool = open_source("digits")
    test = pool.test_split()
    assert test is not None and test.test_split() is None
    assert (len(pool.keys()), len(test.keys())) == (1297, 500)
    assert pool.keys()[0] == "train/0000" and test.keys()[-1] == "test/499"
    everyone = "".join(test.load(key)[0] for key in test.keys()[::100])
    assert hashlib.sha256(everyone.encode()).hexdigest()[:16] == "162df84f219a72de"
    assert pool.answers_itself and pool.location == "digits"
    assert open_source(test.location).keys() == test.keys()
    assert pool.classes == tuple("0123456789")
    everything = load_digits()
    shares = Counter(test.answers().values())
    for digit, count in Counter(everything.target.tolist()).items():
        assert abs(shares[str(digit)] - count * 500 / 1797) < 1
    originals = sorted(np.rint(everything.images * 255 / 16).astype(np.uint8).reshape(1797, 64).tolist())
    both = [pool.load(key)[1].ravel().tolist() for key in answered(pool)]
    both += [test.load(key)[1].ravel().tolist() for key in answered(test)]
    assert sorted(both) == originals


def test_pixels_belong_to_their_answers() -> None:
    pool = open_source("digits")
    by_pixels = {
        tuple(np.rint(image * 255 / 16).astype(int).ravel()): str(label)
        for image, label in zip(*load_digits(return_X_y=True), strict=True)
    }
    answers = pool.answers()
    for key in pool.keys()[::13]:
        assert by_pixels[tuple(pool.load(key)[1].astype(int).ravel())] == answers[key]
    assert pool.load("train/0000")[1].shape == (8, 8, 1)
    assert pool.header("train/0000") == (1, 8, 8)
