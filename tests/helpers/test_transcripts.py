"""Transcripts of chapter 5.3: where words lie, how partial ones settle, readers side by side."""

import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transcribe():
    from helpers import transcribe

    return transcribe


def heard_of(path, transcribe, sure=8.0):
    """What would be heard if the speller were quite sure of the labels in `path`, 10 the blank."""
    logits = np.zeros((len(path), 11), np.float32)
    logits[np.arange(len(path)), path] = sure
    return transcribe.Heard(np.zeros((1, len(path), 4), np.float32), logits)


def test_words_are_aligned_where_the_path_spells_them(transcribe):
    heard = heard_of([10, 3, 3, 10, 3, 7, 10], transcribe)
    assert transcribe.spell(heard) == (3, 3, 7)
    assert transcribe.align(heard, (3, 3, 7)).tolist() == [[1, 3], [4, 5], [5, 6]]


def test_the_alignment_is_the_best_of_all_paths(transcribe):
    from helpers.scratch.layers import log_softmax
    from helpers.scratch.sequences import collapse

    rng = np.random.default_rng(0)
    for said in ((1,), (1, 2), (2, 2)):
        logits = np.full((5, 11), -30.0)
        logits[:, [1, 2, 10]] = rng.normal(size=(5, 3))
        log_p = log_softmax(logits)
        paths = [p for p in itertools.product((1, 2, 10), repeat=5) if collapse(p, 10) == said]
        best = max(paths, key=lambda p: sum(log_p[t, k] for t, k in enumerate(p)))
        found = transcribe.align(transcribe.Heard(np.zeros((1, 5, 1)), logits), said)
        runs = [(k, len(list(g))) for k, g in itertools.groupby(best)]
        ends = np.cumsum([n for _, n in runs])
        expected = [[e - n, e] for (k, n), e in zip(runs, ends, strict=True) if k != 10]
        assert found.tolist() == expected


def test_what_cannot_be_spelled_cannot_be_aligned(transcribe):
    heard = heard_of([10, 3], transcribe)
    with pytest.raises(ValueError, match="3 steps or more; there are 2"):
        transcribe.align(heard, (3, 3))
    with pytest.raises(ValueError, match="0 words"):
        transcribe.align(heard, ())


def test_a_word_is_settled_when_it_never_changes_again(transcribe):
    times = np.array([10, 20, 30, 40, 50])
    transcripts = [(), (1,), (1, 9), (1, 2), (1, 2)]
    assert transcribe.settled(times, transcripts).tolist() == [20, 40]
    assert transcribe.taken_back(transcripts) == 1
    assert transcribe.settled(times, [(1,)] * 5).tolist() == [10]
    assert transcribe.settled(times, [(1,)] * 4 + [()]).tolist() == []
    assert transcribe.taken_back([(1, 2, 3), (1,), (4, 2, 3)]) == 3


def test_transcripts_grow_to_the_whole(transcribe):
    from helpers.models import keras, transcriber

    keras.utils.set_random_seed(0)
    network = transcriber.transcriber(32, channels=(2, 3, 4, 5), width=8, heads=2, hidden=8)
    x = (0.1 * np.random.default_rng(0).normal(size=3000)).astype(np.float32)
    times, transcripts = transcribe.growing(network, x, every=640)
    assert times.tolist() == [640, 1280, 1920, 2560, 3000]
    assert transcripts[-1] == transcribe.spell(transcribe.hear(network, x))
    _, lengths = transcribe.growing(network, x, 100, read=lambda heard: (len(heard.logits),))
    assert lengths[0] == (1,)
    with pytest.raises(ValueError, match="every is 0"):
        transcribe.growing(network, x, 0)


def test_readers_are_laid_side_by_side(transcribe):
    rows = transcribe.side_by_side((1, 2, 3), (1, 3), (1, 2, 5, 3, 4))
    assert rows == [
        [1, 2, None, 3, None],
        [1, None, None, 3, None],
        [1, 2, 5, 3, 4],
    ]
    assert transcribe.side_by_side((), (4,), ()) == [[None], [4], [None]]
    assert transcribe.side_by_side(np.array([7])) == [[7]]


def test_each_row_says_what_its_reader_heard(transcribe):
    rng = np.random.default_rng(1)
    for _ in range(50):
        strings = [tuple(rng.integers(0, 3, rng.integers(0, 5)).tolist()) for _ in range(3)]
        rows = transcribe.side_by_side(*strings)
        assert len({len(row) for row in rows}) == 1
        for row, string in zip(rows, strings, strict=True):
            assert tuple(w for w in row if w is not None) == string
