"""Templates and Markov models: by hand, and on words made of known pieces."""

import numpy as np
import pytest

from helpers import classic
from helpers.scratch.sequences import dtw


def pieces(lengths, levels, rng, noise=0.1):
    x = np.repeat(np.array(levels, float), lengths)[:, None]
    return x + noise * rng.standard_normal((len(x), 1))


def test_cepstra_do_not_hear_level_and_have_slopes():
    x = 0.3 * np.random.default_rng(0).uniform(-1, 1, 4000).astype(np.float32)
    one, soft = classic.cepstra(x), classic.cepstra(x / 4)
    assert one.shape == (classic.CEPSTRA.frames(4000), 26)
    assert one == pytest.approx(soft, abs=0.05)
    assert one[:, :13].mean(axis=0) == pytest.approx(0, abs=1e-3)
    middle = one[:, 0]
    by_hand = (2 * (middle[7] - middle[3]) + (middle[6] - middle[4])) / 10
    assert one[5, 13] == pytest.approx(by_hand, abs=1e-4)


def test_distances_equal_those_of_single_pairs():
    rng = np.random.default_rng(0)
    words = [rng.normal(size=(n, 3)) for n in (1, 5, 9)]
    templates = [rng.normal(size=(n, 3)) for n in (4, 7)]
    found = classic.dtw_distances(words, templates, batch=4)
    for i, a in enumerate(words):
        for j, b in enumerate(templates):
            table, _ = dtw(np.linalg.norm(a[:, None] - b[None], axis=2))
            assert found[i, j] == pytest.approx(table[-1, -1] / (len(a) + len(b)), rel=1e-4)


def test_a_slower_word_is_the_same_word_under_warping():
    rng = np.random.default_rng(1)
    up = [pieces((n, n, n), (0, 1, 2), rng) for n in (3, 8)]
    down = [pieces((n, n, n), (2, 1, 0), rng) for n in (3, 8)]
    distances = classic.dtw_distances([up[1], down[1]], [up[0], down[0]])
    assert classic.nearest_template(distances, ["up", "down"]).tolist() == ["up", "down"]


def test_a_word_model_finds_the_pieces():
    rng = np.random.default_rng(2)
    words = [pieces(rng.integers(3, 9, 3), (0, 3, 1), rng) for _ in range(20)]
    model = classic.fit_word_model(words, states=3)
    assert model.means[:, 0] == pytest.approx([0, 3, 1], abs=0.1)
    assert np.all(np.diff(model.score(words[0])[1]) >= 0)
    score, path = model.score(pieces((4, 5, 6), (0, 3, 1), rng))
    assert path.tolist() == [0] * 4 + [1] * 5 + [2] * 6
    assert score > model.score(pieces((4, 5, 6), (1, 3, 0), rng))[0] + 50


def test_the_score_of_a_word_by_hand():
    model = classic.WordModel(np.zeros((2, 1)), np.ones((2, 1)), np.array([0.5, 1.0]))
    each = -0.5 * np.log(2 * np.pi)
    score, path = model.score(np.zeros((3, 1)))
    # 0 0 1: stay, go on; 0 1 1: go on, stay for good: the second is twice as probable
    assert path.tolist() == [0, 1, 1]
    assert score == pytest.approx(3 * each + np.log(0.5))
    assert model.score(np.zeros((1, 1)))[0] == -np.inf


def test_bad_input_says_what_to_give():
    x = np.zeros((5, 2))
    with pytest.raises(ValueError, match="0 words"):
        classic.dtw_distances([], [x])
    with pytest.raises(ValueError, match="differ"):
        classic.dtw_distances([x], [np.zeros((5, 3))])
    with pytest.raises(ValueError, match="as many labels"):
        classic.nearest_template(np.zeros((2, 3)), [1, 2])
    with pytest.raises(ValueError, match="6 frames"):
        classic.fit_word_model([x])
