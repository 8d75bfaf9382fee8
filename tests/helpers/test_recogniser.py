"""The recogniser's parts that need TensorFlow, and recognising itself."""

import io
import subprocess
import sys

import numpy as np
import pytest

from helpers import audio, recognise
from helpers.datasets.builtin_digits import built_in_digits
from helpers.errors import AudioEmpty, AudioError, AudioSilent, AudioTooLong, AudioTooShort
from helpers.features import FrontEnd, log_mel, warp_matrix

pytestmark = pytest.mark.slow
SEVEN = 0.4 * np.sin(np.arange(5000) ** 1.5 / 400).astype(np.float32)


@pytest.fixture(scope="module")
def voices():
    clips = built_in_digits(takes=1)
    return clips.subset(np.arange(len(clips)) % 2 == 0)


@pytest.fixture(scope="module")
def trained(voices):
    from helpers.training import train_recogniser

    return train_recogniser(voices, steps=60, seed=3, every=30, validation=voices)


@pytest.mark.parametrize(
    "fe", [FrontEnd(), FrontEnd(n_mels=32), FrontEnd(16000, 400, 160, 64, 20, 8000)]
)
def test_the_keras_front_end_equals_numpy(fe):
    from helpers.models.frontend import LogMel

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3, 4000)).astype(np.float32)
    x[1] *= 1e-3
    x[2, 1000:] = 0
    layer = LogMel(vars(fe))
    ours = np.stack([log_mel(row, fe) for row in x])
    theirs = layer(x).numpy()
    assert theirs.shape == ours.shape == layer.compute_output_shape(x.shape)
    assert np.abs(theirs - ours).max() < 1e-4


def test_relative_level_does_not_hear_level():
    from helpers.models.frontend import RelativeLevel

    x = np.random.default_rng(0).uniform(-100, 0, (2, 5, 4)).astype(np.float32)
    one, other = RelativeLevel()(x).numpy(), RelativeLevel()(x - 20).numpy()
    assert one == pytest.approx(other, abs=1e-5)
    assert one.max() == 1
    assert one.min() == pytest.approx(-55 / 20 + 1)


@pytest.mark.parametrize("channels", [(10, 20, 28, 36, 48), (4, 8), (3,)])
def test_the_formula_counts_the_parameters(channels):
    from helpers.models.cnn import digit_cnn, parameter_count

    assert digit_cnn(100, 32, channels).count_params() == parameter_count(channels)


def test_a_picture_too_small_is_refused():
    from helpers.models.cnn import digit_cnn

    with pytest.raises(ValueError, match="halved"):
        digit_cnn(100, 8)


def test_the_recogniser_is_small(trained):
    assert trained[0].count_params() <= 70_000


def test_another_throat_moves_the_bands():
    from helpers.models.frontend import Throat

    fe = FrontEnd(n_mels=32)
    tones = np.sin(2 * np.pi * np.array([[1000.0], [1100.0]]) * np.arange(4000) / 8000)
    low, high = (log_mel(x.astype(np.float32), fe) for x in tones)
    moved = Throat(1 / 1.1, vars(fe))(low[None])[0].numpy()
    assert np.array_equal(Throat(1.0, vars(fe))(low[None])[0].numpy(), low)
    assert moved.mean(axis=0).argmax() == high.mean(axis=0).argmax()
    assert low.mean(axis=0).argmax() != high.mean(axis=0).argmax()
    with pytest.raises(ValueError, match="above 0"):
        warp_matrix(fe, 0.0)


def test_a_jury_says_the_mean_of_its_members(voices):
    from helpers.metrics import softmax
    from helpers.models import digits
    from helpers.models.cnn import digit_cnn

    networks = [digit_cnn(digits.FRAMES, digits.FRONT_END.n_mels, (4, 8)) for _ in range(2)]
    few = voices.subset(np.arange(5))
    alone = [digits.logits_of(digits.assemble([n], throats=(1.0,)), few) for n in networks]
    both = digits.logits_of(digits.assemble(networks, throats=(1.0,)), few)
    assert both == pytest.approx(np.mean(np.log([softmax(z) for z in alone]), axis=0), abs=1e-5)
    with pytest.raises(ValueError, match="one network or more"):
        digits.assemble([])


def test_a_batch_holds_each_set_in_its_share(voices):
    from helpers.models import digits
    from helpers.models.augmentation import NONE

    eights = voices.subset(voices.labels == 8)
    twos = voices.subset(voices.labels == 2)
    sets = [digits.pictures(eights, NONE, 0.25), digits.pictures(twos, NONE, 0.75)]
    inputs, labels = digits.batches(sets, size=8)()
    assert inputs.shape == (8, 100, 32)
    assert labels.numpy().tolist() == [8, 8] + [2] * 6
    empty = digits.pictures(voices.subset([]), NONE)
    with pytest.raises(ValueError, match="no clips"):
        digits.batches([empty], size=8)
    with pytest.raises(ValueError, match="each set needs"):
        digits.batches([sets[0], digits.pictures(twos, NONE, 100.0)], size=8)


def test_networks_side_by_side_learn_apart(voices):
    from helpers.models import digits
    from helpers.models.cnn import digit_cnn
    from helpers.training import fit, set_seed

    few = voices.subset(np.arange(40))
    set_seed(1)
    sources = [digits.batches([digits.pictures(few)], size=8) for _ in range(2)]
    networks = [digit_cnn(digits.FRAMES, digits.FRONT_END.n_mels, (4, 8)) for _ in range(2)]
    networks[1].set_weights(networks[0].get_weights())
    history = fit(networks, sources, steps=4, every=2)
    assert history.steps == [2, 4]
    kernels = [network.get_weights()[0] for network in networks]
    assert not np.allclose(*kernels)
    with pytest.raises(ValueError, match="2 networks and 1 sources"):
        fit(networks, sources[:1], steps=4)


def test_no_augmentation_only_moves_the_clip():
    import tensorflow as tf

    from helpers.models.augmentation import NONE, augment_power
    from helpers.models.digits import FRONT_END

    power = np.full((4, 100, 32), 1e-9, np.float32)
    power[:, :30] = np.random.default_rng(0).uniform(0.1, 1, (4, 30, 32))
    tf.random.set_seed(0)
    moved = augment_power(tf.constant(power), tf.constant([30] * 4), FRONT_END, NONE).numpy()
    assert moved.sum(axis=(1, 2)) == pytest.approx(power.sum(axis=(1, 2)), rel=1e-3)
    assert not np.allclose(moved, power)


def test_augmentation_keeps_shapes_and_is_finite():
    import tensorflow as tf

    from helpers.models.augmentation import Augmentation, augment_power, mask_stripes
    from helpers.models.digits import FRONT_END

    power = tf.random.uniform((8, 100, 32))
    settings = Augmentation(echo=1.0)
    out = augment_power(power, tf.constant([1, 5, 20, 50, 99, 100, 100, 3]), FRONT_END, settings)
    assert out.shape == (8, 100, 32)
    assert np.all(np.isfinite(out)) and np.all(out.numpy() > 0)
    masked = mask_stripes(tf.ones((8, 100, 32)), settings, value=-1.0).numpy()
    assert set(np.unique(masked)) <= {-1.0, 1.0}
    assert (masked == -1).any()


def test_the_window_is_the_loudest_second():
    from helpers.models.digits import SAMPLES, loudest_window, window

    x = np.full(40000, 1e-3, np.float32)
    x[25000:30000] = SEVEN
    found = loudest_window(x)
    assert len(found) == SAMPLES == 8176
    assert np.abs(found).max() == pytest.approx(1)
    assert np.sum(found**2) == pytest.approx(np.sum((SEVEN / np.abs(SEVEN).max()) ** 2), rel=0.05)
    assert window(SEVEN).shape == (8176,)
    with pytest.raises(AudioSilent):
        window(np.zeros(100, np.float32))


def test_training_learns_and_repeats(trained, voices):
    from helpers.models.digits import logits_of
    from helpers.training import train_recogniser

    model, history = trained
    assert history.loss[-1] < history.loss[0] < 2.6
    assert history.validation_steps == [30, 60]
    again, _ = train_recogniser(voices, steps=60, seed=3, every=30, validation=voices)
    assert logits_of(again, voices) == pytest.approx(logits_of(model, voices), abs=1e-3)


def test_training_stops_when_it_should(voices):
    from helpers import training

    with pytest.raises(ValueError, match="at least 1"):
        training.train_recogniser(voices, steps=0)
    with pytest.raises(ValueError, match="seed"):
        training.set_seed(-1)


def test_saved_and_loaded_it_says_the_same(trained, voices, tmp_path):
    from helpers.models import keras
    from helpers.models.digits import logits_of

    trained[0].save(tmp_path / "digits.keras")
    loaded = keras.saving.load_model(tmp_path / "digits.keras")
    assert np.array_equal(logits_of(loaded, voices), logits_of(trained[0], voices))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_any_file_gives_the_same_answer(trained, tmp_path, suffix, rate):
    path = tmp_path / f"señal sieben.{suffix}"
    audio.save(path, audio.resample(SEVEN, 8000, rate), rate)
    found = recognise.recognise(path, trained[0])
    expected = recognise.recognise_samples(SEVEN, 8000, trained[0])
    assert found.digit == expected.digit
    assert found.probabilities.sum() == pytest.approx(1)
    assert found.confidence == pytest.approx(expected.confidence, abs=0.2)
    assert found.word in str(found)
    assert recognise.recognise(path.read_bytes(), trained[0]).digit == found.digit
    assert recognise.recognise(io.BytesIO(path.read_bytes()), trained[0]).digit == found.digit


@pytest.mark.parametrize(
    ("samples", "rate", "error"),
    [
        (np.zeros(8000, np.float32), 8000, AudioSilent),
        (np.zeros(0, np.float32), 8000, AudioEmpty),
        (np.array([np.nan] * 8000, np.float32), 8000, AudioError),
        (np.full(8000, 0.1, np.float32), 0, AudioError),
        (np.full(1000 * 601, 0.1, np.float32), 1000, AudioTooLong),
        (np.full(1, 0.1, np.float32), 768000, AudioTooShort),
    ],
)
def test_what_is_no_word_is_refused_by_name(trained, samples, rate, error):
    with pytest.raises(error):
        recognise.recognise_samples(samples, rate, trained[0])


@pytest.mark.parametrize("rate", [1000, 4000, 8000, 48000, 192000])
def test_one_sample_or_any_rate_still_gives_an_answer(trained, rate):
    found = recognise.recognise_samples(
        np.full(max(1, rate // 1000), 0.5, np.float32), rate, trained[0]
    )
    assert 0 <= found.digit <= 9


def test_the_command(trained, tmp_path):
    trained[0].save(tmp_path / "m.keras")
    audio.save(tmp_path / "a.wav", SEVEN, 8000)
    command = [sys.executable, "-m", "helpers.recognise", "--model", str(tmp_path / "m.keras")]
    files = [str(tmp_path / "a.wav"), str(tmp_path / "missing.wav")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    expected = recognise.recognise_samples(SEVEN, 8000, trained[0])
    assert f"{expected.word} ({expected.digit})" in done.stdout
    assert "missing.wav" in done.stderr
    assert done.returncode == 1


def test_importing_tensorflow_is_silent():
    code = "import helpers.models.cnn, helpers.training"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == done.stdout == ""
