"""Fingerprints: peaks where tones are, pairs that know no time, the right recording and place."""

import numpy as np
import pytest

from helpers import fingerprint
from helpers.errors import AudioTooShort

RATE = fingerprint.SAMPLE_RATE


def melody(seed, seconds=8.0):
    """Tones of a quarter of a second at random frequencies."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE // 4) / RATE
    fading = np.exp(-6 * t)
    tones = [fading * np.sin(2 * np.pi * f * t) for f in rng.uniform(200, 2000, int(4 * seconds))]
    return (0.3 * np.concatenate(tones)).astype(np.float32)


@pytest.fixture(scope="module")
def index():
    index = fingerprint.Index()
    for seed in range(6):
        index.add(f"tune {seed}", melody(seed))
    return index


def test_peaks_stand_where_tones_begin():
    sound = np.zeros(3 * RATE, np.float32)
    for second, bin in ((0.5, 64), (1.5, 128)):
        first = round(second * RATE)
        t = np.arange(2000) / RATE
        tone = np.sin(2 * np.pi * bin * RATE / 1024 * t) * np.exp(-3 * t)
        sound[first : first + 2000] = tone
    found = fingerprint.peaks(sound, per_second=1)
    assert {64, 128} <= set(found[:, 1])
    times = {bin: frame * fingerprint.STEP for frame, bin in found}
    assert times[64] == pytest.approx(0.5, abs=0.1) and times[128] == pytest.approx(1.5, abs=0.1)


def test_peaks_do_not_depend_on_loudness_and_silence_has_none():
    sound = melody(1)
    assert np.array_equal(fingerprint.peaks(sound), fingerprint.peaks(0.01 * sound))
    assert fingerprint.peaks(np.zeros(RATE, np.float32)).shape == (0, 2)


def test_no_second_has_more_peaks_than_asked_for():
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * RATE).astype(np.float32)
    found = fingerprint.peaks(noise, per_second=5)
    seconds = (found[:, 0] * fingerprint.STEP).astype(int)
    assert np.bincount(seconds).max() == 5
    assert np.all(np.diff(found[:, 0]) >= 0)


def test_bad_input():
    with pytest.raises(AudioTooShort, match="1024"):
        fingerprint.peaks(np.zeros(1000, np.float32))
    with pytest.raises(ValueError, match="at least one"):
        fingerprint.peaks(np.zeros(2000, np.float32), per_second=0)
    with pytest.raises(ValueError, match="shape"):
        fingerprint.pairs(np.zeros((3, 3), int))


def test_pairs_by_hand():
    points = np.array([[0, 100], [3, 120], [3, 300], [66, 101], [67, 120]])
    keys, frames = fingerprint.pairs(points)
    expected = {((100 << 16) + (120 << 6) + 3, 0), ((120 << 16) + (101 << 6) + 63, 3),
                ((101 << 16) + (120 << 6) + 1, 66)}  # fmt: skip
    assert set(zip(keys.tolist(), frames.tolist(), strict=True)) == expected


def test_pairs_know_no_time():
    points = fingerprint.peaks(melody(2))
    keys, frames = fingerprint.pairs(points)
    later, when = fingerprint.pairs(points + np.array([1000, 0]))
    assert np.array_equal(keys, later) and np.array_equal(frames + 1000, when)
    assert len(fingerprint.pairs(np.zeros((0, 2), int))[0]) == 0


def test_votes_by_hand():
    offsets, counts = fingerprint.votes([10, 11, 13, 30], [5, 6, 7, 1])
    assert offsets.tolist() == [5, 6, 29]
    assert counts.tolist() == [3, 1, 1]  # the bin of 5 counts that of 6 as well
    assert len(fingerprint.votes([], [])[0]) == 0


def test_a_part_is_found_with_its_place(index):
    for seed in range(6):
        match = index.query(melody(seed)[3 * RATE : 5 * RATE])
        assert match.name == f"tune {seed}"
        assert match.offset == pytest.approx(3.0, abs=0.07)
        assert match.votes > 3 * match.others


def test_a_part_is_found_in_noise(index):
    rng = np.random.default_rng(0)
    for seed in range(6):
        part = melody(seed)[2 * RATE : 6 * RATE]
        noise = rng.normal(0, part.std(), len(part)).astype(np.float32)
        assert index.query(part + noise).name == f"tune {seed}"


def test_a_query_may_begin_before_the_recording(index):
    before = np.concatenate([np.zeros(RATE, np.float32), melody(3)[: 2 * RATE]])
    match = index.query(before)
    assert match.name == "tune 3" and match.offset == pytest.approx(-1.0, abs=0.07)


def test_what_an_index_refuses(index):
    with pytest.raises(ValueError, match="empty"):
        fingerprint.Index().query(melody(0))
    with pytest.raises(ValueError, match="already"):
        index.add("tune 0", melody(0))
    assert index.query(np.zeros(RATE, np.float32)) is None


def test_adding_after_a_query_counts():
    index = fingerprint.Index()
    index.add("a", melody(0))
    assert index.query(melody(1)[: 2 * RATE]) is None or len(index) > 0
    index.add("b", melody(1))
    assert index.query(melody(1)[: 2 * RATE]).name == "b"


def test_everything_faster_and_higher_is_another_recording(index):
    sound = melody(4)
    faster = np.interp(np.arange(0, len(sound) - 1, 1.06), np.arange(len(sound)), sound)
    same = index.query(sound[: 4 * RATE]).votes
    match = index.query(faster.astype(np.float32)[: 4 * RATE])
    assert match is None or match.votes < same / 4
