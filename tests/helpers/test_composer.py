"""Networks that write chorales."""

import numpy as np
import pytest

from helpers import parts
from helpers.compose import FREE, compose
from helpers.experiments import music
from helpers.models import composer, tf
from helpers.training import fit_stages, set_seed
from tests.helpers.some_pieces import any_piece


@pytest.fixture(scope="module", params=composer.LOOKS)
def model(request):
    set_seed(1)
    pair = [composer.composer(request.param, width=24) for _ in range(2)]
    for weight in (weight for network in pair for weight in network.trainable_variables):
        weight.assign_add(0.1 * tf.random.normal(weight.shape))
    return composer.Composer(*pair)


def test_parameters_are_counted():
    for look in composer.LOOKS:
        network = composer.composer(look, width=24)
        assert network.count_params() == composer.parameter_count(look, 24)
    with pytest.raises(ValueError, match="look"):
        composer.composer("back")
    with pytest.raises(ValueError, match="width"):
        composer.composer(width=0)


def test_probabilities_add_up_to_one(model):
    (log_p,) = model.log_distributions([any_piece(31)])
    assert log_p.shape == (31, 4, parts.MOVES)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=2), 1, atol=1e-5)


def test_two_networks_are_averaged(model):
    piece = any_piece(20)
    each = [composer.Composer(one).log_distributions([piece])[0] for one in model.networks]
    (both,) = model.log_distributions([piece])
    np.testing.assert_allclose(np.exp(both), np.exp(each).mean(axis=0), atol=1e-5)
    assert model.parameters == 2 * model.networks[0].count_params()
    with pytest.raises(ValueError, match="at least one"):
        composer.Composer()


def test_nothing_is_read_before_its_time(model):
    piece = any_piece(40, 3)
    changed = piece.copy()
    changed[30, 1] += 1
    a, b = (model.log_distributions([p])[0] for p in (piece, changed))
    np.testing.assert_allclose(a[:30], b[:30], atol=1e-5)
    np.testing.assert_allclose(a[30, :3], b[30, :3], atol=1e-5)  # soprano, bass and alto itself
    assert np.abs(a[30, 3] - b[30, 3]).max() > 1e-4  # the tenor is written after the alto
    assert np.abs(a[31:] - b[31:]).max() > 1e-4


def test_the_writer_is_the_network(model):
    given = np.full((2, 20, 4), FREE)
    given[:, :6] = any_piece(6, 4)
    pieces, log_p = compose(model, given, np.random.default_rng(0))
    for piece, of_cells in zip(pieces, log_p, strict=True):
        np.testing.assert_allclose(model.log_probabilities([piece])[0], of_cells, atol=2e-4)


def test_spans_cover_all_pieces():
    data = composer.scores([any_piece(300, 1), any_piece(40, 2)])
    covered = np.zeros(340, int)
    for start, length in data.spans:
        covered[start : start + length] += 1
        assert length <= composer.SPAN
    assert covered.min() == 1
    assert data.contexts.shape == (340, 4, parts.FEATURES)


def test_batches_weigh_every_step_alike():
    data = composer.scores([any_piece(100, 1)])
    set_seed(0)
    (context, early, times), (came, weights) = composer.score_batches(data, size=3, odd=16)()
    assert context.shape == (3, 144, 4, parts.FEATURES)
    assert early.shape == (3, 128, 4) and came.shape == (3, 144, 4)
    assert weights.numpy()[:, :50].all() and not weights.numpy()[:, 50:128].any()
    between = weights.numpy()[:, 128:]
    assert set(np.unique(between)) <= {0.0, 8.0}
    assert np.array_equal(times.numpy()[:, :128], np.tile(np.arange(0, 256, 2), (3, 1)))
    rows = parts.moves(any_piece(100, 1))[:, parts.WRITTEN]
    assert np.array_equal(came.numpy()[0, :50], rows[::2])
    with pytest.raises(ValueError, match="odd"):
        composer.score_batches(data, odd=0)


@pytest.mark.slow
def test_a_composer_learns():
    pieces = [any_piece(64, 1)] * 4
    set_seed(0)
    network = composer.composer("attention", width=24, dropout=0.0)
    batches = composer.score_batches(composer.scores(pieces), size=2)
    history = fit_stages([network], [(60, [batches])], composer.cell_loss, every=20)
    assert history.loss[-1] < 0.6 * history.loss[0]
    assert music.nats(composer.Composer(network), pieces[:1])[0] < history.loss[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["GRU", "Transformer"])
def test_token_networks_are_causal(kind):
    set_seed(0)
    model = composer.TokenModel(composer.token_network(kind, width=16))
    piece = any_piece(100, 3)
    changed = piece.copy()
    changed[70, 1] += 1
    a, b = (model.log_probabilities([p])[0] for p in (piece, changed))
    np.testing.assert_allclose(a[:70], b[:70], atol=1e-5)
    np.testing.assert_allclose(a[70, [0, 3]], b[70, [0, 3]], atol=1e-5)
    assert np.abs(a[71:] - b[71:]).max() > 1e-5
    (before, places), (came, weights) = composer.token_batches([piece], size=2)()
    assert before.shape == came.shape == (2, composer.CONTEXT)
    assert np.array_equal(before[:, 1:], came[:, :-1]) and np.all(before[:, 0] == parts.TOKENS)
    assert weights.numpy().min() >= 0 and places.numpy().max() < 64


def test_texts_of_pieces():
    piece = any_piece(12)
    assert np.array_equal(music.from_text(music.as_text(piece)), piece)


def test_openings_are_given_and_the_rest_is_free():
    board = music.openings([any_piece(200), any_piece(50)], given=8, steps=60)
    assert board.shape == (1, 60, 4)
    assert np.array_equal(board[0, :8], any_piece(200)[:8]) and np.all(board[:, 8:] == FREE)


def test_the_plan_has_every_kind_and_seed():
    runs = music.plan()
    assert len(runs) == 1 + len(music.NETWORKS) * len(music.SEEDS)
    with pytest.raises(ValueError, match="kind"):
        music.train("a pianist", [any_piece()])
    with pytest.raises(ValueError, match="networks"):
        music.train(music.BEST, [any_piece()], networks=3)


def test_what_was_written_is_measured():
    pieces = [any_piece(80, seed) for seed in (1, 2)]
    source = np.concatenate([pieces[0], any_piece(10, 5)])
    found = music.written(pieces, [source], given=16)
    assert len(found["breaks"]) == 2 and found["copied"][0] > 0.9 and found["copied"][1] < 0.1
    assert found["longest"][0] > found["longest"][1]


def test_the_longest_passage_is_found_with_its_source():
    pieces = [any_piece(80, seed) for seed in (1, 2)]
    sources = [any_piece(60, 7), np.concatenate([any_piece(10, 5), pieces[1][30:60] + 2])]
    chords, passage, source, which = music.longest_passage(pieces, sources, given=16)
    assert which == 1 and chords > 10
    assert np.array_equal(passage[:25] + 2, source[:25])
