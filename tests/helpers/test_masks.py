"""Networks that take noise away from speech."""

import numpy as np
import pytest

from helpers import audio, metrics
from helpers.errors import AudioError
from helpers.features import stft
from helpers.models import masks, tf
from helpers.training import fit_stages, set_seed


def a_voice(n=2 * masks.RATE, pitch=150.0):
    """Harmonics that come and go four times a second: float32 (n,)."""
    t = np.arange(n) / masks.RATE
    sound = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 20))
    return (0.1 * sound * (np.sin(2 * np.pi * 2 * t) > 0)).astype(np.float32)


@pytest.fixture(scope="module")
def banks():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(40_000).astype(np.float32)
    return masks.bank([a_voice(), a_voice(pitch=210.0)]), [masks.bank([noise, noise[:9000]])]


def test_parameters_are_counted():
    for width in (3, 8):
        assert masks.mask_network(width=width).count_params() == masks.parameter_count(width)
    with pytest.raises(ValueError, match="kind"):
        masks.mask_network("phase")
    with pytest.raises(ValueError, match="width"):
        masks.mask_network(width=0)


def test_a_louder_stretch_gets_the_same_gains():
    set_seed(1)
    network = masks.mask_network(width=4)
    noisy = stft(a_voice(), masks.FRONT_END)
    soft, loud = (masks.gains(network, np.complex64(k) * noisy) for k in (1.0, 8.0))
    np.testing.assert_allclose(soft, loud, atol=1e-3)


def test_an_untrained_mask_lets_loud_bins_pass():
    set_seed(1)
    noisy = stft(a_voice(), masks.FRONT_END)
    gain = masks.gains(masks.mask_network(width=4), noisy)
    level = np.abs(noisy[:, 1:40])
    loud = level > np.quantile(level, 0.9)
    assert gain[:, 1:40][loud].mean() > 0.2 + gain[:, 1:40][~loud].mean()


def test_gains_keep_to_the_floor_and_to_one():
    noisy = tf.complex(tf.ones((1, 2, masks.BINS)), 2 * tf.ones((1, 2, masks.BINS)))
    for logit, gain in ((-99.0, masks.FLOOR), (99.0, 1.0), (0.0, (1 + masks.FLOOR) / 2)):
        found = masks.apply_mask(tf.fill(noisy.shape, logit), noisy)
        np.testing.assert_allclose(found, gain * noisy.numpy(), atol=1e-6)


def test_an_open_mask_gives_the_sound_back():
    network = masks.mask_network(width=2)
    x = a_voice(9000)
    np.testing.assert_allclose(masks.clean(network, x, floor=1.0), x, atol=1e-5)
    with pytest.raises(ValueError, match="floor"):
        masks.clean(network, x, floor=1.5)
    with pytest.raises(AudioError):
        masks.clean(network, np.full(9000, np.nan))


def test_the_network_looks_ahead_and_back():
    set_seed(0)
    network = masks.mask_network(width=4)
    power = np.square(np.abs(stft(a_voice(), masks.FRONT_END)))[None].astype(np.float32)
    x = tf.Variable(power)
    with tf.GradientTape() as tape:
        middle = tf.reduce_sum(network(x)[0, 60])
    reach = np.abs(tape.gradient(middle, x)[0]).sum(axis=1)
    assert reach[50] > 0 and reach[70] > 0


def test_banks_hold_sounds_at_one_level():
    x = a_voice()
    bank = masks.bank([np.pad(x, 500), np.zeros(100, np.float32), 3 * x])
    assert len(bank.edges) == 3
    for a, b in zip(bank.edges[:-1], bank.edges[1:], strict=True):
        assert audio.rms(bank.samples[a:b]) == pytest.approx(0.1, rel=1e-4)
        assert b - a <= len(x)
    with pytest.raises(ValueError, match="heard"):
        masks.bank([np.zeros(100, np.float32)])


def test_spectra_are_those_of_the_features():
    x = a_voice(4000)
    np.testing.assert_allclose(masks.spectra(x[None])[0], stft(x, masks.FRONT_END), atol=2e-3)


def test_mixtures_are_what_they_say(banks):
    speech, noises = banks
    tf.random.set_seed(3)
    power, (said, noisy) = masks.mixtures(speech, noises, batch=4, piece=8000)()
    frames = masks.FRONT_END.frames(8000)
    assert power.shape == said.shape == noisy.shape == (4, frames, masks.BINS)
    np.testing.assert_allclose(power, np.abs(noisy) ** 2, rtol=1e-4)
    ratio = np.sum(np.abs(said) ** 2, axis=(1, 2)) / np.sum(np.abs(noisy - said) ** 2, axis=(1, 2))
    assert np.all(ratio > 10**-1.5) and np.all(ratio < 10**2.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shares": (1, 1)}, "one each"),
        ({"shares": (0,)}, "one each"),
        ({"piece": 10**6}, "too little"),
    ],
)
def test_mixtures_need_what_they_need(banks, change, words):
    with pytest.raises(ValueError, match=words):
        masks.mixtures(*banks, **{"batch": 4, "piece": 8000} | change)


def test_a_bank_without_a_mixture_is_refused(banks):
    speech, (noise,) = banks
    with pytest.raises(ValueError, match="one or more"):
        masks.mixtures(speech, [noise, noise], (1, 1000), batch=4, piece=8000)


def test_the_loss_is_a_ratio_in_decibels():
    said = tf.complex(3.0 * tf.ones((2, 3, masks.BINS)), tf.zeros((2, 3, masks.BINS)))
    logits = tf.zeros((2, 3, masks.BINS))

    def network(power, training):
        return logits

    half = (1 + masks.FLOOR) / 2
    found = masks.mask_loss("signal")(network, tf.abs(said) ** 2, tf.stack([said, said]))
    magnitudes = masks.mask_loss("magnitude")(network, tf.abs(said) ** 2, tf.stack([said, said]))
    least = masks.QUIET * 0.01 * 192
    error = 10 * np.log10(9 * (1 - half) ** 2 / (9 + least) + 1e-3)
    expected = masks.SHARE * float(magnitudes) + (1 - masks.SHARE) * error
    assert float(found) == pytest.approx(expected, abs=1e-3)
    level = 9 / (9 + least)
    expected = 100 * ((level + 1e-5) ** 0.15 - (level * half**2 + 1e-5) ** 0.15) ** 2
    assert float(magnitudes) == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="kind"):
        masks.mask_loss("phase")


@pytest.mark.slow
def test_a_small_mask_learns(banks):
    set_seed(0)
    speech, noises = banks
    network = masks.mask_network(width=16)
    draw = masks.mixtures(speech, noises, batch=4, piece=16000)
    fit_stages([network], [(60, [draw])], masks.mask_loss(), learning_rate=1e-2, every=60)
    voice = a_voice(pitch=180.0)
    noise = np.random.default_rng(5).standard_normal(len(voice))
    noisy = audio.mix_at_snr(voice, noise, 5)
    assert metrics.si_sdr(masks.clean(network, noisy), voice) > 3 + metrics.si_sdr(noisy, voice)
