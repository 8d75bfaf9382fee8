"""Networks with one part changed: with nothing changed they are those of 5.2 and 6.4; pitch."""

import numpy as np
import pytest

from helpers.features import FrontEnd
from helpers.models import advised, cnn, sounds, tf
from helpers.models.augmentation import FOR_PEOPLE, NONE
from helpers.models.digits import FRAMES, FRONT_END, Pictures, assemble, batches
from helpers.training import constant_schedule, fit, set_seed


def some_pictures(n=40):
    """Ten kinds of stripes, one band each."""
    labels = np.arange(n) % 10
    power = np.full((n, FRAMES, 32), 1e-6, np.float32)
    for i, label in enumerate(labels):
        power[i, :50, 3 * label] = 1.0
    lengths = np.full(n, 50, np.int32)
    return Pictures(power, lengths, labels.astype(np.int32), NONE)


@pytest.mark.parametrize("channels", [cnn.CHANNELS, (4, 8, 8)])
@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize(("slopes", "pitch", "views"), [(0, 0, 1), (1, 0, 3), (0, 1, 3), (1, 1, 5)])
def test_the_formula_counts_the_parameters(channels, normalised, slopes, pitch, views):
    network = advised.digit_variant(
        100, 32, channels, normalised, slopes=bool(slopes), pitch=bool(pitch)
    )
    count = advised.digit_parameters(channels, normalised, views)
    assert network.count_params() == count
    assert network.output_shape == (None, 10)


def test_with_nothing_changed_it_is_the_network_of_the_chapter():
    mine, theirs = advised.digit_variant(100, 32), cnn.digit_cnn(100, 32)
    assert [w.shape for w in mine.get_weights()] == [w.shape for w in theirs.get_weights()]
    mine.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 100, 32)).astype(np.float32)
    np.testing.assert_allclose(mine(x), theirs(x), atol=1e-5)
    sound = advised.sound_variant(10)
    assert sound.count_params() == sounds.parameter_count(10)
    plain = advised.sound_variant(10, normalised=False)
    assert plain.count_params() == sounds.parameter_count(10) - 3 * sum(sounds.CHANNELS)
    assert [o.shape for o in plain(np.zeros((2, 17, 64), np.float32))] == [(2, 3, 10)] * 2
    with pytest.raises(ValueError, match="layers"):
        advised.sound_variant(10, (4, 4), normalised=False)


def test_slopes_of_a_line_and_of_a_parabola():
    t = np.arange(20, dtype=np.float32)
    x = np.stack([2 * t, t**2], axis=1)[None]
    seen = advised.Slopes()(x).numpy()[0]
    np.testing.assert_allclose(seen[:, :, 0], x[0])
    np.testing.assert_allclose(seen[2:-2, 0, 1], 10.0, rtol=1e-5)
    np.testing.assert_allclose(seen[2:-2, 1, 1], 10 * t[2:-2], rtol=1e-5)
    np.testing.assert_allclose(seen[4:-4, 1, 2], 50.0, rtol=1e-4)
    np.testing.assert_allclose(seen[4:-4, 0, 2], 0.0, atol=1e-3)


@pytest.mark.parametrize("hz", [90, 130, 210, 300])
def test_pitch_of_a_tone_with_harmonics(hz):
    rng = np.random.default_rng(0)
    t = np.arange(8000) / 8000
    voice = sum(np.cos(2 * np.pi * k * hz * t + k) / k for k in range(1, 9))
    found = advised.pitch_track(voice + 1e-3 * rng.standard_normal(8000))
    inside = found[5:-5]
    assert np.mean(inside > 0) > 0.9
    assert np.median(inside[inside > 0]) == pytest.approx(hz, rel=0.04)


def test_noise_and_silence_have_hardly_any_pitch():
    noise = np.random.default_rng(0).standard_normal(8000)
    assert np.mean(advised.pitch_track(noise) > 0) < 0.2
    assert not advised.pitch_rows(np.zeros(4000)).any()
    with pytest.raises(ValueError, match="one frame"):
        advised.pitch_track(np.zeros(100))


def test_melody_is_relative_to_its_own_middle():
    t = np.arange(8000) / 8000
    hz = 150 * 2 ** (t - 0.5)
    phase = 2 * np.pi * np.cumsum(hz) / 8000
    voice = sum(np.cos(k * phase) / k for k in range(1, 9))
    low = advised.pitch_rows(voice)
    voiced = low[:, 0] > 0
    assert voiced.mean() > 0.9
    assert np.median(low[voiced, 1]) == pytest.approx(0, abs=0.05)
    assert low[voiced, 1][-10:].mean() - low[voiced, 1][:10].mean() == pytest.approx(0.9, abs=0.15)
    assert low.shape == (FrontEnd().frames(8000), 2)


def test_pitch_moves_along_with_its_picture():
    pictures = some_pictures()
    pitch = np.zeros((40, FRAMES, 2), np.float32)
    pitch[:, :50, 0] = 1.0
    set_seed(0)
    x, labels = advised.pitch_batches([pictures], [pitch], 32)()
    assert x.shape == (32, FRAMES, 34) and labels.shape == (32,)
    for one, label in zip(x.numpy(), labels.numpy(), strict=True):
        loud = one[:, 3 * label] > one[:, 3 * label].min() + 1
        assert np.abs(loud.astype(float) - one[:, 32]).sum() <= 2
    pictures.augmentation = FOR_PEOPLE
    assert np.isfinite(advised.pitch_batches([pictures], [pitch], 8)()[0]).all()
    with pytest.raises(ValueError, match="pitch of each"):
        advised.pitch_batches([pictures], [pitch[:3]])


def test_looking_at_pictures_is_what_the_assembled_model_does():
    from helpers.models.small import seen

    set_seed(0)
    network = advised.digit_variant(100, 32)
    rng = np.random.default_rng(0)
    sound = [rng.normal(size=8176).astype(np.float32) * 0.1 for _ in range(3)]
    sound = [x / np.abs(x).max() for x in sound]
    mine = advised.looked_at(network, seen(sound))
    theirs = assemble([network])(np.stack(sound), training=False).numpy()
    np.testing.assert_allclose(mine, theirs, atol=2e-3)


@pytest.mark.slow
def test_a_constant_rate_trains_as_well():
    assert constant_schedule(0.003, 10) == 0.003
    set_seed(0)
    network = advised.digit_variant(100, 32, channels=(4, 8), normalised=False)
    history = fit(
        [network],
        [batches([some_pictures()])],
        steps=30,
        learning_rate=1e-2,
        schedule=constant_schedule,
        every=15,
    )
    assert history.loss[-1] < history.loss[0]


def test_a_speller_alone_has_the_parts_that_reading_asks_for():
    from helpers import transcribe

    set_seed(0)
    network = advised.spelling_network(FRONT_END.n_mels)
    heard = transcribe.hear(network, np.random.default_rng(0).normal(size=4000).astype(np.float32))
    assert heard.logits.shape[1] == 11
    picture = np.zeros((2, 80, 32), np.float32)
    lengths, tokens = tf.constant([80, 60]), tf.constant([[1, 2], [3, -1]])
    assert float(advised.spelling_only(network, (picture, lengths), tokens)) > 0
