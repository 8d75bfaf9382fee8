"""The acoustic model: where frames lie, what is a loss, and a talker that learns a little."""

import numpy as np
import pytest

from helpers import tts
from helpers.features import spectral_convergence, stft
from helpers.models import talker
from helpers.phones import practice_speech

HOP = talker.FRONT_END.hop


@pytest.fixture(scope="module")
def practice():
    return practice_speech(24)


@pytest.fixture(scope="module")
def trained(practice):
    return tts.train_talker(practice, steps=30, seed=0)


def test_frames_are_centred():
    x = np.zeros(20 * HOP, np.float32)
    x[10 * HOP] = 1.0
    mel = talker.mel_of(x)
    assert mel.shape == (21, 80) == (talker.frame_count(len(x)), 80)
    assert mel.sum(axis=1).argmax() == 10


def test_places_by_hand():
    phone, places = talker.place_frames([0.0, 2.0, 6.0], 7)
    assert phone.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert places.shape == (7, talker.PLACES)
    assert places[:6, 0].tolist() == [0, 0.5, 0, 0.25, 0.5, 0.75]
    assert places[2, 2:4].tolist() == [0, 0.5]
    assert places[:, 7].tolist() == [1, 0, 1, 1, 0, 0, 0]
    with pytest.raises(ValueError, match="ascend"):
        talker.place_frames([0.0, 3.0, 2.0], 4)


def test_a_phoneme_without_a_frame_is_passed_over():
    phone, _ = talker.place_frames([0.0, 1.2, 1.6, 4.0], 4)
    assert phone.tolist() == [0, 0, 2, 2]


def test_examples(practice):
    data = talker.examples(practice)
    n, longest = len(practice), data.frames.max()
    assert data.mel.shape == (n, longest, 80) and data.phone_of.shape == (n, longest)
    real = np.concatenate([m[:t] for m, t in zip(data.mel, data.frames, strict=True)])
    assert np.allclose(real.mean(axis=0), 0, atol=1e-3)
    assert np.allclose(real.std(axis=0), 1, atol=1e-3)
    assert data.phones[0, 0] == data.names.index("_") + 1
    total = len(practice[0].samples) / HOP
    assert data.durations[0].sum() == pytest.approx(total, abs=0.01)
    with pytest.raises(ValueError, match="one recording"):
        talker.examples([])


def test_a_batch_is_cut_from_the_examples(practice):
    data = talker.examples(practice)
    (phones, stress, phone_of, places), targets = talker.batches(data, size=5, crop=40)()
    most = data.phones.shape[1]
    assert phones.shape == stress.shape == (5, most)
    assert phone_of.shape == (5, 40) and places.shape == (5, 40, talker.PLACES)
    assert targets.shape == (5, 40 + most, 81)
    rows = targets.numpy()[0, :40, :80]
    counts = targets.numpy()[0, :40, 80] > 0
    whole = data.mel.reshape(-1, 80)
    distance = np.abs(whole - rows[counts][0]).sum(axis=1)
    assert distance.min() < 1e-5


def test_the_loss_by_hand():
    from helpers.models import tf

    mel = np.zeros((1, 3, 2), np.float32)
    targets = np.zeros((1, 5, 3), np.float32)
    targets[0, :3, :2] = [[1, 1], [2, 2], [5, 5]]
    targets[0, :2, 2] = 1
    targets[0, 3, :2] = [2.0, 1.0]

    def network(inputs, training):
        return tf.constant(mel), tf.zeros((1, 2))

    inputs = (None, None, tf.zeros((1, 3), tf.int32), None)
    l1 = talker.talker_loss("L1")(network, inputs, tf.constant(targets))
    l2 = talker.talker_loss("L2")(network, inputs, tf.constant(targets))
    assert float(l1) == pytest.approx(1.5 + 0.5 * 1 + 0.3 * 4)
    assert float(l2) == pytest.approx(2.5 + 0.5 * 1 + 0.3 * 4)
    with pytest.raises(ValueError, match="L1"):
        talker.talker_loss("L3")


@pytest.mark.slow
def test_a_talker_learns_and_talks(trained, practice):
    model, history = trained
    assert history.loss[-1] < 0.8 * history.loss[0]
    one = practice[0]
    lengths = np.diff(one.starts) / HOP
    mel, true = model.mel(one.phones, one.stress, lengths), talker.mel_of(one.samples)
    assert mel.shape == true.shape
    flat = np.abs(true - model.mean).mean()
    assert np.abs(mel - true).mean() < 0.8 * flat
    samples, starts = tts.say(model, one.phones, one.stress, iterations=4)
    assert len(starts) == len(one.phones) + 1 and starts[-1] == len(samples)
    assert np.isfinite(samples).all()


@pytest.mark.slow
def test_sharpening_raises_contrast_and_keeps_means(trained, practice):
    model, one = trained[0], practice[0]
    plain = model.mel(one.phones, one.stress)
    sharp = model.mel(one.phones, one.stress, sharpen=1.5)
    assert np.allclose(plain.mean(axis=0), sharp.mean(axis=0), atol=0.01)
    assert np.allclose(sharp.std(axis=0), 1.5 * plain.std(axis=0), rtol=0.01)


@pytest.mark.slow
def test_unknown_phonemes_are_named(trained):
    with pytest.raises(ValueError, match="click"):
        trained[0].durations(("_", "click", "_"), [0, 0, 0])


def test_sound_of_a_mel_has_that_mel(practice):
    samples = practice[1].samples
    made = tts.sound_of(talker.mel_of(samples))
    assert abs(len(made) - len(samples)) <= HOP
    front = talker.FRONT_END
    n = len(made)
    error = spectral_convergence(np.abs(stft(made, front)), np.abs(stft(samples[:n], front)))
    assert error < 0.5


def test_silence_stays_silent():
    floor = 10 * np.log10(talker.FRONT_END.floor)
    assert np.abs(tts.sound_of(np.full((20, 80), floor))).max() < 1e-6


def test_speak_with_the_built_in_voice():
    samples, rate = tts.speak("two coffees, please")
    again, _ = tts.speak("two coffees, please")
    assert rate == 16000 and np.array_equal(samples, again)
    other, _ = tts.speak("two coffees, please", "en+f3")
    assert not np.array_equal(samples, other)
    with pytest.raises(ValueError, match="no text"):
        tts.speak("")


@pytest.mark.slow
def test_speak_with_a_trained_voice(trained):
    samples, rate = tts.speak("a lemon.", trained[0])
    assert rate == 16000 and samples.dtype == np.float32 and len(samples) > 2000
