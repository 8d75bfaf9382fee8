"""Transcribers of chapter 5.3: composed strings, the network, both readers, token errors."""

import itertools

import numpy as np
import pytest

from helpers import metrics
from helpers.datasets._clips import Clips


def clips(n_speakers=2):
    """Ten "words" a speaker: tones, of a pitch for each digit."""
    t = np.arange(2400) / 8000
    tones = [np.sin(2 * np.pi * 300 * (d + 1) * t).astype(np.float32) for d in range(10)]
    return Clips(
        audio=tones * n_speakers,
        labels=np.tile(np.arange(10), n_speakers),
        speakers=np.repeat([f"s{i}" for i in range(n_speakers)], 10),
        names=np.array([str(i) for i in range(10 * n_speakers)]),
        sample_rate=8000,
        source="builtin",
        origin="built-in",
        licence="none",
        citation="none",
        credit="tones",
    )


@pytest.mark.parametrize(
    ("said", "heard", "counts"),
    [
        ((1, 2, 3), (1, 2, 3), (0, 0, 0)),
        ((1, 2, 3), (1, 3), (0, 1, 0)),
        ((1, 3), (1, 2, 3), (0, 0, 1)),
        ((1, 2, 3), (1, 9, 3), (1, 0, 0)),
        ((), (4, 4), (0, 0, 2)),
        ((4, 4), (), (0, 2, 0)),
        ((5, 5, 5), (5,), (0, 2, 0)),
        ((), (), (0, 0, 0)),
    ],
)
def test_token_errors_of_known_strings(said, heard, counts):
    found = metrics.token_errors(heard, said)
    assert (found.substitutions, found.deletions, found.insertions) == counts
    assert found.total == sum(counts)
    assert tuple(s for s, _ in found.steps if s is not None) == said
    assert tuple(h for _, h in found.steps if h is not None) == heard


def test_the_edit_distance_is_a_metric():
    strings = [s for n in range(4) for s in itertools.product((0, 1), repeat=n)]
    d = {(a, b): metrics.token_errors(a, b).total for a in strings for b in strings}
    for a, b, c in itertools.product(strings, repeat=3):
        assert (d[a, b] == 0) == (a == b)
        assert d[a, b] == d[b, a]
        assert d[a, c] <= d[a, b] + d[b, c]


def test_the_token_error_rate_counts_words_not_strings():
    assert metrics.token_error_rate([(1,), (2, 2)], [(1, 3, 3), (2,)]) == pytest.approx(3 / 4)
    with pytest.raises(ValueError, match="1 strings heard, 2 said"):
        metrics.token_error_rate([(1,)], [(1,), (2,)])
    with pytest.raises(ValueError, match="not all empty"):
        metrics.token_error_rate([(1,)], [()])


@pytest.mark.slow
def test_strings_are_composed_as_their_tokens_say():
    from helpers.models import composition, tf
    from helpers.models.augmentation import NONE

    bank = composition.word_bank(clips(), NONE)
    assert len(bank.power) == bank.lengths.sum() + 1
    draw = composition.string_batches([bank], 200, (2, 4), size=16, seed=1)
    (pictures, lengths), tokens = draw()
    assert pictures.shape == (16, 200, 32)
    assert tokens.shape == (16, 4)
    loudest_band = [
        int(bank.power[a : a + n].mean(axis=0).argmax())
        for a, n in zip(bank.starts[:10], bank.lengths[:10], strict=True)
    ]
    for picture, n, said in zip(pictures.numpy(), lengths.numpy(), tokens.numpy(), strict=True):
        words = said[said >= 0]
        assert 2 <= len(words) <= 4
        assert np.all(said[len(words) :] == -1)
        loud = picture.max(axis=1) > 0.5
        starts = np.flatnonzero(loud & ~np.r_[False, loud[:-1]])
        assert [int(picture[s + 10].argmax()) for s in starts] == [loudest_band[w] for w in words]
        assert np.flatnonzero(loud)[-1] < n <= 200
    assert tf.reduce_max(pictures) <= 1.0


@pytest.mark.slow
def test_a_slow_string_is_not_cut_off():
    from dataclasses import replace

    from helpers.models import composition
    from helpers.models.augmentation import NONE
    from helpers.training import set_seed

    set_seed(0)
    bank = composition.word_bank(clips(), replace(NONE, stretch=(3.0, 3.0)))
    (pictures, lengths), tokens = composition.string_batches([bank], 140, (1, 3), size=32)()
    for picture, said in zip(pictures.numpy(), tokens.numpy(), strict=True):
        loud = picture.max(axis=1) > 0.5
        assert np.sum(loud & ~np.r_[False, loud[:-1]]) == np.sum(said >= 0)
    assert lengths.numpy().max() == 140


@pytest.mark.slow
def test_impossible_compositions_are_refused():
    from helpers.models import composition

    bank = composition.word_bank(clips())
    with pytest.raises(ValueError, match="one bank of words or more"):
        composition.string_batches([], 200, (1, 2))
    with pytest.raises(ValueError, match="lower end"):
        composition.string_batches([bank], 200, (3, 2))
    with pytest.raises(ValueError, match="frames are too few"):
        composition.string_batches([bank], 20, (1, 2))
    little = composition.word_bank(clips(), share=0.001)
    with pytest.raises(ValueError, match="each needs one or more"):
        composition.string_batches([bank, little], 200, (1, 2))


@pytest.fixture(scope="module")
def network():
    from helpers.models import keras, transcriber

    keras.utils.set_random_seed(0)
    return transcriber.transcriber(32, channels=(2, 3, 4, 5), width=8, heads=2, hidden=8)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [17, 20, 203])
def test_both_readers_have_the_shapes_they_say(network, frames):
    picture = np.random.default_rng(0).normal(size=(3, frames, 32)).astype(np.float32)
    spelled, written = network([picture, np.full(3, frames), np.full((3, 6), 11)], training=False)
    assert spelled.shape == (3, -(-frames // 4), 11)
    assert written.shape == (3, 6, 11)


@pytest.mark.slow
def test_the_writer_never_looks_at_words_to_come(network):
    picture = np.random.default_rng(0).normal(size=(1, 60, 32)).astype(np.float32)
    said = np.array([[11, 3, 4, 5]])
    other = np.array([[11, 3, 9, 9]])
    n = np.array([60])
    a, b = (network([picture, n, s], training=False)[1].numpy()[0] for s in (said, other))
    assert a[:2] == pytest.approx(b[:2], abs=1e-5)
    assert np.abs(a[2:] - b[2:]).max() > 1e-3


@pytest.mark.slow
def test_the_writer_looks_at_nothing_behind_the_end(network):
    rng = np.random.default_rng(0)
    memory = rng.normal(size=(2, 20, 8)).astype(np.float32)
    so_far, lengths = np.array([[11, 3]] * 2), np.array([80, 33])
    logits, weights = network.get_layer("writer")([memory, lengths, so_far], training=False)
    assert weights.shape == (2, 2, 2, 5)
    assert np.all(weights[0] > 0)
    assert np.all(weights[1, :, :, :3] > 0)
    assert np.abs(weights[1, :, :, 3:]).max() < 1e-6
    memory[1, 12:] = rng.normal(size=(8, 8))
    again, _ = network.get_layer("writer")([memory, lengths, so_far], training=False)
    assert again.numpy() == pytest.approx(logits.numpy(), abs=1e-5)


@pytest.mark.slow
def test_positions_equal_those_of_the_mathematics():
    from helpers.models import transcriber
    from helpers.scratch.attention import sinusoidal_positions

    x = np.zeros((2, 30, 8), np.float32)
    found = transcriber.SinusoidalPositions(base=1000.0)(x).numpy()
    assert found[1] == pytest.approx(sinusoidal_positions(30, 8, base=1000.0), abs=1e-5)


@pytest.mark.slow
def test_the_losses_equal_those_of_the_mathematics():
    from helpers.models import transcriber
    from helpers.scratch.layers import log_softmax
    from helpers.scratch.sequences import ctc_loss

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 12, 11)).astype(np.float32)
    tokens = np.array([[1, 1, 2], [3, -1, -1], [4, 5, -1]], np.int32)
    counts = np.sum(tokens >= 0, axis=1)
    frames = np.array([48, 21, 37])
    steps = np.array([12, 6, 10])
    expected = ctc_loss(logits, np.maximum(tokens, 0), steps, counts, blank=10)
    loss = float(transcriber.spelling_loss(logits, tokens, frames))
    assert loss == pytest.approx(np.mean(expected / counts), rel=1e-4)

    following = [(1, 1, 2, 10), (3, 10), (4, 5, 10)]
    log_p = log_softmax(logits[:, :4])
    surprises = [-log_p[i, t, w] for i, ws in enumerate(following) for t, w in enumerate(ws)]
    loss = float(transcriber.writing_loss(logits[:, :4], tokens, label_smoothing=0.0))
    assert loss == pytest.approx(np.mean(surprises), rel=1e-4)


@pytest.mark.slow
def test_bad_networks_are_refused():
    from helpers.models import transcriber

    with pytest.raises(ValueError, match="multiple of heads"):
        transcriber.transcriber(32, width=10, heads=4)
    with pytest.raises(ValueError, match=r"dropout is 1\.0"):
        transcriber.transcriber(32, dropout=1.0)
    with pytest.raises(ValueError, match="spelling_share is 2"):
        transcriber.hybrid_loss(2)


@pytest.mark.slow
def test_a_picture_is_what_the_network_sees_in_training():
    from helpers import transcribe
    from helpers.models import digits, frontend

    x = np.random.default_rng(0).normal(size=digits.SAMPLES).astype(np.float32) * 0.1
    layer = frontend.RelativeLevel()(frontend.LogMel(digits.asdict(digits.FRONT_END))(x[None]))
    assert transcribe.picture_of(x) == pytest.approx(layer.numpy(), abs=1e-3)


@pytest.mark.slow
def test_readers_of_an_untrained_network_agree_with_themselves(network):
    from helpers import transcribe

    rng = np.random.default_rng(0)
    heard = transcribe.hear(network, (0.1 * rng.normal(size=9000)).astype(np.float32))
    said, looks = transcribe.write(network, heard, longest=5)
    assert len(said) <= 5
    assert looks.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    best, second = transcribe.spell_beam(heard, width=8, top=2)
    assert best[1] >= second[1]
    assert transcribe.agree(network, heard, width=8, spelling_share=1.0) == best[0]
    alone = [
        float(transcribe.written_log_probability(network, heard, [s])[0]) for s in ((), (3, 3))
    ]
    both = transcribe.written_log_probability(network, heard, [(), (3, 3)])
    assert both == pytest.approx(alone, abs=1e-4)


@pytest.mark.slow
def test_a_transcriber_learns_tones():
    from helpers import transcribe
    from helpers.datasets.strings import connect
    from helpers.models import composition, transcriber
    from helpers.models.augmentation import NONE
    from helpers.training import fit_stages, set_seed

    set_seed(0)
    bank = composition.word_bank(clips(), NONE)
    network = transcriber.transcriber(32, channels=(4, 6, 8, 10), width=24, heads=2, hidden=32)
    batches = [composition.string_batches([bank], 130, (1, 3), size=16)]
    history = fit_stages(
        [network],
        [(80, batches), (40, batches)],
        transcriber.hybrid_loss(),
        learning_rate=1e-2,
        every=40,
    )
    assert history.steps == [40, 80, 120]
    assert history.loss[2] < 0.5 * history.loss[0]
    strings = connect(clips(), 12, np.random.default_rng(3), words=(1, 3))
    heard = [transcribe.hear(network, x) for x in strings.audio]
    spelled = [transcribe.spell(h) for h in heard]
    assert metrics.token_error_rate(spelled, strings.tokens) < 0.35


@pytest.mark.slow
def test_one_graph_serves_all_stages_and_no_two_batches_are_the_same():
    from helpers import training
    from helpers.models import tf

    training.set_seed(0)
    traced = []

    def step(make_batches):
        traced.append(len(make_batches))
        (x, _), (y, _) = (make() for make in make_batches)
        return tf.reduce_sum(tf.abs(x - y)) / tf.cast(tf.size(x), tf.float32)

    def batch(steps):
        return lambda: (tf.random.normal([4, steps, 2]), tf.zeros([4], tf.int32))

    makers = [batch(5), batch(9)]
    steps = training._steps_of_one_graph(step, [[maker, maker] for maker in makers])
    differences = [float(one()) for one in steps for _ in range(3)]
    assert traced == [2]
    assert min(differences) > 0.1
    assert len(set(differences)) == 6


@pytest.mark.slow
def test_a_network_that_stands_in_the_list_twice_learns_from_both_batches():
    from helpers import training
    from helpers.models import keras, tf

    def weights(batches):
        training.set_seed(0)
        network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        network.set_weights([np.zeros((1, 1))])
        training.fit_stages(
            [network] * len(batches),
            [(1, [lambda b=b: b for b in batches])],
            lambda network, x, y: tf.reduce_mean(tf.square(network(x) - y)),
            weight_decay=0.0,
        )
        return network.get_weights()[0].item()

    up = (tf.constant([[1.0]]), tf.constant([[1.0]]))
    down = (tf.constant([[1.0]]), tf.constant([[-1.0]]))
    assert weights([up]) > 0 > weights([down])
    assert weights([up, down]) == pytest.approx(0.0, abs=1e-7)
    assert weights([up, up]) == pytest.approx(weights([up]))
