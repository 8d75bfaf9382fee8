"""Models that count."""

import numpy as np
import pytest

from helpers import counting, parts
from helpers.errors import ShapeError
from tests.helpers.some_pieces import any_piece


def test_backing_off_by_hand():
    p = counting.backed_off(np.array([3.0, 1, 0]), np.array([0.2, 0.2, 0.6]), 0.5, 1.0)
    # 2 kinds: 1 + 0.5 · 2 = 2 goes to the level before, of 4 + 1
    np.testing.assert_allclose(p, [(2.5 + 0.4) / 5, (0.5 + 0.4) / 5, 1.2 / 5])
    nothing = counting.backed_off(np.zeros(3), np.array([0.2, 0.2, 0.6]))
    np.testing.assert_allclose(nothing, [0.2, 0.2, 0.6])


def test_a_chain_by_hand():
    rough = np.zeros(4, np.uint64)
    fine = np.array([1, 1, 2, 2], np.uint64)
    chain = counting.Chain([rough, fine], [0, 0, 1, 0], classes=2, discount=0, strength=1.0)
    first = (np.array([3, 1]) + 0.5) / 5
    known, unknown = chain.probabilities([np.zeros(2, np.uint64), np.array([1, 9], np.uint64)])
    np.testing.assert_allclose(known, (np.array([2, 0]) + first) / 3, rtol=1e-6)
    np.testing.assert_allclose(unknown, first, rtol=1e-6)
    assert chain.size == 2 + 1 + 2


def test_a_chain_refuses():
    with pytest.raises(ShapeError):
        counting.Chain([np.zeros(3, np.uint64)], [0, 1])
    with pytest.raises(ValueError, match="discount"):
        counting.Chain([np.zeros(2, np.uint64)], [0, 1], discount=1.0)


def test_keys_are_equal_where_columns_are():
    named = {"a": np.array([1, 1, 2, -1]), "b": np.array([0, 1, 0, 0])}
    first, second = counting.keys(named, ["a", "b"])
    assert first[0] == first[1] and len(set(first)) == 3
    assert len(set(second)) == 4
    again = counting.keys(named, ["a b"])[0]
    assert np.array_equal(again, second)
    with pytest.raises(KeyError):
        counting.keys(named, ["c"])


def test_weights_find_the_better_model():
    rng = np.random.default_rng(0)
    good, bad = np.full(500, 0.6), np.full(500, 0.1)
    assert counting.blend_weights([good, bad])[0] > 0.99
    which = rng.random(4000) < 0.75
    likelihoods = np.where(which, 0.9, 0.1), np.where(which, 0.1, 0.9)
    low, high = counting.blend_weights(likelihoods)
    assert low + high == pytest.approx(1) and low == pytest.approx((0.75 - 0.1) / 0.8, abs=0.03)
    with pytest.raises(ShapeError):
        counting.blend_weights([0.5, 0.5])
    with pytest.raises(ValueError, match="probabilities"):
        counting.blend_weights([[0.0], [0.0]])


def test_keys_of_scales():
    major = np.zeros(12)
    major[[0, 2, 4, 5, 7, 9, 11]] = [3, 1, 2, 1, 2, 1, 1]
    rows = np.stack([major, np.roll(major, 5), np.zeros(12)])
    assert counting.nearest_key(rows).tolist() == [0, 5, 24]
    minor = np.zeros(12)
    minor[[0, 2, 3, 5, 7, 8, 11]] = [3, 1, 2, 1, 2, 1, 1]
    assert counting.nearest_key(minor[None]).tolist() == [12]
    with pytest.raises(ShapeError):
        counting.nearest_key(major)


@pytest.fixture(scope="module")
def counter():
    train = [any_piece(60, seed) for seed in range(6)]
    chains = {name: counting.CHAINS[name] for name in ("harmony", "melody")}
    return counting.Counter(train, [any_piece(60, 9)], chains)


def test_a_counter_gives_probabilities(counter):
    piece = any_piece(60, 11)
    (log_p,) = counter.log_probabilities([piece])
    assert log_p.shape == piece.shape and np.all(log_p < 0) and np.isfinite(log_p).all()
    named, _ = counter._named([piece])
    p = counter._blended(named)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_the_memory_helps_where_a_piece_repeats(counter):
    once = any_piece(32, 12)
    twice = np.concatenate([once, once])
    (log_p,) = counter.log_probabilities([twice])
    (without,) = counter.part().log_probabilities([twice])
    assert log_p[40:].mean() > log_p[8:32].mean() + 0.1
    assert without[40:].mean() < log_p[40:].mean()


def test_a_part_uses_the_same_counts(counter):
    one = counter.part(["melody"])
    assert one.weights.tolist() == [1] and one.chains["melody"] is counter.chains["melody"]
    assert one.memory is False and counter.memory is True
    whole = counter.part(memory=True)
    np.testing.assert_allclose(whole.weights, counter.weights)
    with pytest.raises(KeyError):
        counter.part(["rhythm"])


def test_nothing_is_read_before_its_time(counter):
    piece = any_piece(40, 13)
    changed = piece.copy()
    changed[30, 1] += 1
    a, b = (counter.log_probabilities([p])[0] for p in (piece, changed))
    assert np.array_equal(a[:30], b[:30])
    assert np.array_equal(a[30, [0, 3]], b[30, [0, 3]])  # written before the alto
    assert a[30, 1] != b[30, 1] or a[30, 2] != b[30, 2]


def test_a_recall_counts():
    recall = counting.Recall()
    p = np.full(parts.MOVES, 1 / parts.MOVES)
    assert np.array_equal(recall.sharpened(p, [1, 2]), p)
    recall.add([1, 2], 5)
    q = recall.sharpened(p, [1, 2])
    assert q.argmax() == 5 and q.sum() == pytest.approx(1)
    assert q[5] > recall.sharpened(p, [1])[5] > p[5]


def test_a_line_counter_by_hand():
    piece = np.array([[72, 67, 64, 48]] * 2 + [[74, 67, 64, 48]] * 2)
    bigram = counting.LineCounter([piece], ["voice -4"])
    (log_p,) = bigram.log_probabilities([piece])
    # the soprano's 72 was followed by 72 and 74: one count each, of two kinds
    d, a, rough = counting.DISCOUNT, counting.STRENGTH, 1 / parts.TOKENS
    expected = (1 - d + (a + 2 * d) * rough) / (2 + a)
    assert np.exp(log_p[1, 0]) == pytest.approx(expected, rel=1e-5)
    assert np.exp(log_p[1, 3]) == pytest.approx((3 - d + (a + d) * rough) / (3 + a), rel=1e-5)
    ngram = counting.LineCounter([piece], ["voice", "-1", "-2"])
    assert np.all(ngram.log_probabilities([piece])[0] < 0)
