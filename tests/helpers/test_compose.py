"""Drawing, rules, copies."""

import numpy as np
import pytest

from helpers import compose, counting, parts
from helpers.errors import ShapeError
from tests.helpers.some_pieces import any_piece

P = np.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.0, 0.6, 0.3]])


def test_temperature_by_hand():
    np.testing.assert_allclose(compose.temper(P, 1), P)
    squared = P**2 / (P**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(compose.temper(P, 0.5), squared)
    with pytest.raises(ValueError, match="above 0"):
        compose.temper(P, 0)


def test_top_k_by_hand():
    np.testing.assert_allclose(compose.top_k(P, 1), [[1, 0, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_allclose(compose.top_k(P, 2)[1], [0, 0, 2 / 3, 1 / 3])
    assert (compose.top_k(P, 2)[0] > 0).sum() == 3  # two are equal: both are kept
    np.testing.assert_allclose(compose.top_k(P, 9), P)
    with pytest.raises(ValueError, match="at least one"):
        compose.top_k(P, 0)


def test_top_p_by_hand():
    np.testing.assert_allclose(compose.top_p(P, 0.5), [[1, 0, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_allclose(compose.top_p(P, 0.7)[0], [5 / 7, 2 / 7, 0, 0])
    np.testing.assert_allclose(compose.top_p(P, 0.9)[1], [0, 0, 2 / 3, 1 / 3])
    np.testing.assert_allclose(compose.top_p(P, 1), P)
    for wrong in (0, 1.1):
        with pytest.raises(ValueError, match="mass"):
            compose.top_p(P, wrong)


def test_draws_are_as_frequent_as_probable():
    drawn = compose.draw(np.repeat(P[1:], 4000, axis=0), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 4000, P[1], atol=0.03)
    assert compose.draw(np.eye(4), np.random.default_rng(1)).tolist() == [0, 1, 2, 3]


def test_rules_by_hand():
    parallel = np.array([[72, 67, 64, 48], [74, 69, 65, 50]])  # fifth c–g to d–a, octave c to d
    found = compose.rule_breaks(parallel)
    assert found["parallel fifths"] == 1 and found["parallel octaves"] == 1
    assert found["changes"] == 1 and found["crossings"] == found["awkward leaps"] == 0
    still = compose.rule_breaks(np.array([[72, 67, 64, 48]] * 3))
    assert sum(still.values()) == 0
    crossed = compose.rule_breaks(np.array([[72, 67, 64, 48], [66, 67, 64, 48], [66, 67, 64, 48]]))
    assert crossed["crossings"] == 1 and crossed["awkward leaps"] == 1
    wide = compose.rule_breaks(np.array([[72, 67, 64, 48], [72, 59, 57, 48]]))
    assert wide["wide gaps"] == 1
    assert compose.break_rate([parallel]) == 200


def test_chords_are_the_same_in_every_key():
    piece = any_piece()
    other = np.where(piece < 0, piece, piece + 4)
    assert np.array_equal(compose.chords(piece), compose.chords(other))
    assert compose.passages(piece, 5) == compose.passages(other, 5)


def test_copies_are_found_in_another_key():
    piece, source, third = any_piece(80, 1), any_piece(80, 2), any_piece(70, 3)
    source = np.where(source < 0, source, source - 2)
    assert compose.copy_rate(piece, [source, third], 3) == 0
    rows = compose.chords(source)
    first, after = rows[4, 5], rows[14, 5]
    piece[20 : 20 + after - first] = np.where(source < 0, -1, source + 3)[first:after]
    n, mine, which, theirs = compose.longest_copy(piece, [third, source])
    assert which == 1 and n >= 10 and mine - theirs == 20 - first
    assert 0 < compose.copy_rate(piece, [source], 8) < 0.3
    assert compose.copy_rate(source, [source], 8) == 1
    assert compose.longest_copy(source, [source])[0] == len(rows)


def test_longest_copy_agrees_with_passages():
    sources = [any_piece(90, seed) for seed in range(4)]
    piece = np.concatenate([sources[1][30:60], sources[3][10:50]])
    n = compose.longest_copy(piece, sources)[0]
    known = {k: {key for s in sources for key in compose.passages(s, k)} for k in (n, n + 1)}
    assert compose.copy_rate(piece, known[n], n) > 0
    assert compose.copy_rate(piece, known[n + 1], n + 1) == 0


def test_repetition_and_variety():
    once = any_piece(40, 5)
    assert compose.repetition(once) < 0.1
    assert compose.repetition(np.concatenate([once, once])) > 0.4
    assert compose.variety([once]) > 0.9
    assert compose.variety([once, once]) == pytest.approx(compose.variety([once]) / 2)
    alike = compose.self_similarity(np.concatenate([once, once]))
    assert alike.shape == (20, 20) and np.all(np.diag(alike) == 1)
    assert np.all(np.diag(alike, 10) == 1) and alike[0, 5] < 1


def test_known_melodies():
    a, b = any_piece(100, 6), any_piece(100, 7)
    assert not compose.known_melody(a, [b])
    b[20:90] = np.where(a < 0, -1, a + 2)[10:80]
    assert compose.known_melody(a, [b])
    assert not compose.known_melody(a, [b], steps=75)


@pytest.fixture(scope="module")
def counter():
    train = [any_piece(60, seed) for seed in range(6)]
    return counting.Counter(train, train[:1], {"harmony": counting.CHAINS["harmony"]})


def test_what_is_written_has_the_probability_it_is_scored_with(counter):
    given = np.full((2, 24, 4), compose.FREE)
    given[:, :8] = any_piece(8, 4)
    given[1, :, 0] = any_piece(24, 4)[:, 0]
    pieces, log_p = compose.compose(counter, given, np.random.default_rng(0))
    assert np.array_equal(pieces[given != compose.FREE], given[given != compose.FREE])
    for piece, of_cells in zip(pieces, log_p, strict=True):
        np.testing.assert_allclose(counter.log_probabilities([piece])[0], of_cells, atol=1e-5)


def test_what_is_written_can_be_sung(counter):
    given = np.full((3, 20, 4), compose.FREE)
    pieces, _ = compose.compose(counter, given, np.random.default_rng(1))
    assert np.all(np.diff(pieces, axis=2) <= 0)
    for voice, (low, high) in enumerate(compose.RANGES):
        assert low <= pieces[..., voice].min() and pieces[..., voice].max() <= high
    again, _ = compose.compose(counter, given, np.random.default_rng(1))
    assert np.array_equal(pieces, again)


def test_compose_refuses(counter):
    with pytest.raises(ShapeError):
        compose.compose(counter, np.zeros((3, 4), int), np.random.default_rng(0))
    with pytest.raises(ValueError, match="FREE"):
        compose.compose(counter, np.full((1, 3, 4), 3), np.random.default_rng(0))


def test_moves_that_are_not_allowed_are_not_drawn():
    window = parts.windows(np.array([[72, 67, 60, 48]] * 3))
    past = parts.Past(window)
    now = np.tile([72, -9, -9, 48], (3, 1))
    fits = compose.singable(past, now, 1)[2]
    pitch = 67 + np.arange(parts.MOVES - 1) - parts.REACH
    assert pitch[fits[:-1]].tolist() == list(range(53, 73))
    assert not fits[-1]


def test_a_model_that_answers_with_no_numbers_is_refused():
    class Broken:
        def writer(self, n):
            return self

        def probabilities(self, context, voice):
            return np.full((len(context["beat"]), parts.MOVES), np.nan)

    with pytest.raises(ValueError, match=r"step 0 is not finite"):
        compose.compose(Broken(), np.full((1, 2, 4), compose.FREE), np.random.default_rng(0))
