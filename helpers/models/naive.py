"""The naive recogniser of chapter 5.1, with its faults, so that they can be measured.

Nothing here is to be copied: the sound recogniser is `helpers.models.cnn`.
"""

import keras
import numpy as np
from keras import layers

from helpers.features import FrontEnd, mel_power

BATCH = 32
"""Clips in a batch, in training and in the prediction as found."""


def normalise(samples):
    """Divide by the largest magnitude, as found: float (n,) → float32 (n,).

    Meant to give values from 0 to 1. It gives values from −1 to 1, and NaN for silence.

    Chapter: 5.1
    """
    samples = np.asarray(samples, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        return samples / np.max(np.abs(samples))


def picture(samples, sample_rate=8000, size=128):
    """A square mel picture: float (n,) → float32 (size, size), bands × time, from 0 to 1.

    Mel power in `size` bands, in dB below its largest value, cut off at −80 dB; then every row is
    stretched or squeezed to `size` columns by linear interpolation, however long the sound was.
    Silence gives NaN everywhere.

    Raises ValueError for a sound without samples. Chapter: 5.1
    """
    if len(samples) == 0:
        raise ValueError("the sound has no samples: there is nothing to draw")
    samples = normalise(samples)
    if not np.all(np.isfinite(samples)):
        return np.full((size, size), np.nan, np.float32)
    front_end = FrontEnd(
        sample_rate=sample_rate,
        n_fft=512 if size <= 64 else 1024,
        hop=64,
        n_mels=size,
        fmin=0.0,
        fmax=sample_rate / 2,
        floor=1e-10,
    )
    short = front_end.n_fft - len(samples)
    power = mel_power(np.pad(samples, (0, max(0, short))), front_end)
    decibels = 10 * np.log10(power / power.max())
    levels = 1 + np.maximum(decibels, -80) / 80
    return stretch(levels, size).T.copy()


def stretch(rows, length):
    """Linear interpolation along the first axis: float (m, k) → float32 (length, k), any m ≥ 1.

    Chapter: 5.1
    """
    rows = np.asarray(rows, np.float32)
    place = np.linspace(0, len(rows) - 1, length)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(rows) - 1)
    weight = (place - below).astype(np.float32)[:, None]
    return (1 - weight) * rows[below] + weight * rows[above]


def pictures(sounds, sample_rate=8000, size=128):
    """`picture` of each of n sounds: list of float (nᵢ,) → float32 (n, size, size, 1).

    Chapter: 5.1
    """
    drawn = np.empty((len(sounds), size, size, 1), np.float32)
    for place, sound in zip(drawn, sounds, strict=True):
        place[:, :, 0] = picture(sound, sample_rate, size)
    return drawn


def naive_cnn(size=128, filters=32, hidden=128, classes=10):
    """Convolution, pooling, flatten, dense, softmax: (batch, size, size, 1) → (batch, classes).

    With f filters of 3 × 3 and h hidden units, s = (size − 2) // 2 being what is left of a side,
    it has

        10 f + (s² f + 1) h + (h + 1) · classes

    parameters: see `parameter_counts`. Raises ValueError if `size` is below 4.

    Chapter: 5.1
    """
    if size < 4:
        raise ValueError(f"size is {size}; a picture needs at least 4 × 4 values")
    return keras.Sequential(
        [
            keras.Input((size, size, 1), name="picture"),
            layers.Conv2D(filters, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(hidden, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="naive_cnn",
    )


def parameter_counts(size=128, filters=32, hidden=128, classes=10):
    """Parameters of `naive_cnn` by layer, weights and biases: {layer: int}. Chapter: 5.1"""
    side = (size - 2) // 2
    return {
        "convolution": (3 * 3 * 1 + 1) * filters,
        "flatten → dense": (side * side * filters + 1) * hidden,
        "dense → classes": (hidden + 1) * classes,
    }


def fit(x, labels, epochs=10, seed=0):
    """Train `naive_cnn` as found: Adam at its defaults, batches of 32, no validation.

    x: float32 (n, size, size, 1); labels: int (n,), 0 to 9. Returns the trained model. The same
    seed gives the same start and the same order of clips.

    Chapter: 5.1
    Source: [kingma2014adam]
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = naive_cnn(x.shape[1])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, labels, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def probabilities(model, x):
    """What the model says of each picture: (n, size, size, 1) → float32 (n, classes).

    Chapter: 5.1
    """
    parts = [np.asarray(model(x[i : i + 128], training=False)) for i in range(0, len(x), 128)]
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), np.float32)


def predict_as_found(probabilities, batch=BATCH):
    """The script's way to an answer: (n, classes) → int (batch,), or (0,) if n < batch.

    Whole batches only; what is left over is dropped. Then the mean *over the batches*, so that row
    k of the result mixes the clips k, k + batch, k + 2·batch …, whatever they are.

    Chapter: 5.1
    """
    n, classes = np.shape(probabilities)
    batches = n // batch
    if batches == 0:
        return np.empty(0, int)
    kept = np.reshape(probabilities[: batches * batch], (batches, batch, classes))
    return kept.mean(axis=0).argmax(axis=1)
