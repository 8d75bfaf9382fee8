"""A small causal network that says when somebody speaks, frame by frame, also in a live stream.

Sound becomes log-mel, log-mel becomes two views that know no absolute level (`views`), and a stack
of dilated causal convolutions gives a logit per frame for what was said a little earlier.
Chapter: 6.4
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from helpers.audio import check_samples
from helpers.errors import AudioTooShort
from helpers.features import FrontEnd, log_mel

SAMPLE_RATE = 16000
STEP = 0.01
"""Seconds: the length of a frame, as in `helpers.segment`."""
FRONT_END = FrontEnd(SAMPLE_RATE, n_fft=512, hop=160, n_mels=40, fmin=60, fmax=7600, floor=1e-8)
LOOK_AHEAD = 20
"""Frames that are heard after a frame before it is judged."""
CHANNELS, TAPS, GAPS = 32, 3, (1, 2, 4, 8, 16, 32)
RISE, FALL, RANGE = 0.05, 0.03, 45.0
"""Of `views`: dB a frame that a floor rises and the peak falls; dB that floors may lie below it."""
SMOOTH = (0.3, 0.01)
"""Of `views`: the weight of a frame in the level that the floor follows, and in the mean."""
VIEWS = 3 * FRONT_END.n_mels

_BEFORE = (FRONT_END.n_fft - FRONT_END.hop) // 2
LATENCY = (LOOK_AHEAD * FRONT_END.hop + _BEFORE) / SAMPLE_RATE
"""Seconds from the end of a frame until it can be judged."""


def views(picture, state=None):
    """Log-mel without its absolute level: (…, frames, n_mels) dB → (…, frames, 3·n_mels), state.

    Three views, one behind the other in the last axis. (1) The level above a running noise floor of
    the band, in tens of dB, 0 … 4: the floor follows a (smoothed) level that falls at once, and one
    that rises by RISE dB a frame. (2) The level below a running peak over all bands, divided by 10,
    plus 2.5 and at least −2.5: the peak follows a rise at once and falls by FALL dB a frame.
    (3) The level above a running mean of the band, in tens of dB, −3 … 3. Neither floor nor mean is
    lower than RANGE dB below the peak, so that digital silence leaves no hole. All look back only.
    state: what a first part of a stream returned, None at its beginning; four arrays.

    Raises ValueError for fewer than two axes or no frames. Chapter: 6.4
    """
    from scipy.signal import lfilter

    x = np.asarray(picture, np.float32)
    if x.ndim < 2 or not x.shape[-2]:
        raise ValueError(f"the picture has shape {x.shape}; give (…, frames, n_mels)")
    top = x.max(axis=-1, keepdims=True)
    now = x[..., 0, :]
    floor, peak, smooth, mean = (now, top[..., 0, :], now, now) if state is None else state
    t = np.arange(1, x.shape[-2] + 1, dtype=np.float32)[:, None]
    falling = np.maximum.accumulate(top + FALL * t, axis=-2)
    peaks = np.maximum(falling, peak[..., None, :]) - FALL * t
    seen = np.maximum(x, peaks - RANGE)
    smooth, mean = (
        lfilter([w], [1, w - 1], seen, axis=-2, zi=(1 - w) * last[..., None, :])[0]
        for w, last in zip(SMOOTH, (smooth, mean), strict=True)
    )
    lowest = np.minimum.accumulate(smooth - RISE * t, axis=-2)
    floors = np.minimum(lowest, floor[..., None, :]) + RISE * t
    above = np.clip((x - np.maximum(floors, peaks - RANGE)) / 10, 0, 4)
    below = np.maximum((x - peaks) / 10, -5) + 2.5
    new = np.clip((x - mean) / 10, -3, 3)
    state = tuple(track[..., -1, :].astype(np.float32) for track in (floors, peaks, smooth, mean))
    return np.concatenate([above, below, new], axis=-1, dtype=np.float32), state


def framed(samples):
    """Log-mel with one row for each whole frame of STEP: float (n,) → float32 (n // hop, n_mels).

    The window of a row lies around the middle of its frame; zeros are assumed beyond both ends.
    Raises AudioTooShort below one frame, AudioError for samples that are not sound. Chapter: 6.4
    """
    x = check_samples(samples)
    count = len(x) // FRONT_END.hop
    if not count:
        raise AudioTooShort(f"{len(x)} samples do not fill one frame of {FRONT_END.hop}")
    x = np.pad(x[: count * FRONT_END.hop + _BEFORE], (_BEFORE, FRONT_END.n_fft))
    return log_mel(x, FRONT_END)[:count]


def vad_network(channels=CHANNELS, gaps=GAPS):
    """The network: views (batch, frames, 3·n_mels) → logits (batch, frames), causal.

    With f = 3·n_mels, c channels, k taps and g convolutions it has (f + 1)c + g(kc + 1)c + c + 1
    parameters. Its answer at a frame is about LOOK_AHEAD frames before. Raises ValueError for less
    than one channel or no gaps.

    Chapter: 6.4
    Source: [oord2016wavenet] for dilated causal convolutions
    """
    if channels < 1 or not gaps:
        raise ValueError(f"channels is {channels}, gaps are {gaps}: give at least one of each")
    inputs = keras.Input((None, VIEWS))
    x = layers.Dense(channels, activation="relu", name="first")(inputs)
    for i, gap in enumerate(gaps):
        convolve = layers.Conv1D(
            channels, TAPS, padding="causal", dilation_rate=gap, activation="relu", name=f"gap_{i}"
        )
        x = x + convolve(x)
    x = layers.Dense(1, name="logits")(x)
    return keras.Model(inputs, x[..., 0])


def vad_batches(inputs, targets, batch=16):
    """Random batches for `fit_stages`, traced into its graph: a function without arguments.

    inputs: (n, frames, 3·n_mels) views, float16 or float32; targets: bool (n, frames), whether
    somebody speaks. Chapter: 6.4
    """
    if len(inputs) != len(targets) or inputs.shape[1] != targets.shape[1]:
        raise ValueError(f"inputs {inputs.shape} and targets {targets.shape} do not fit together")
    x, y = tf.constant(inputs), tf.constant(np.asarray(targets, np.float32))

    def draw():
        chosen = tf.random.uniform([batch], maxval=len(inputs), dtype=tf.int32)
        return tf.cast(tf.gather(x, chosen), tf.float32), tf.gather(y, chosen)

    return draw


def vad_loss(network, inputs, targets):
    """Mean binary cross-entropy in nats of late answers, logits at t for targets at t − LOOK_AHEAD.

    Chapter: 6.4
    """
    logits = network(inputs, training=True)[:, LOOK_AHEAD:]
    wanted = targets[:, : targets.shape[1] - LOOK_AHEAD]
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits))


class VoiceDetector:
    """A trained network at work on a stream of any length, in bounded memory.

    `push(block)` takes the next float (m,) samples at 16 kHz, m ≥ 0, and returns the probabilities
    that somebody speaks, float32 (j,), of as many frames of STEP seconds as can be judged by now,
    in order and without gap; a frame is judged LATENCY seconds after its end. `finish()` judges the
    rest, as if the last frame went on, and begins anew: together n // 160 numbers for n samples,
    the same however the stream is cut into blocks. `kept` is the number of floats that are kept.

    Raises AudioError for blocks that are not sound. Chapter: 6.4
    """

    def __init__(self, network):
        weights = {layer.name: layer.get_weights() for layer in network.layers}
        gaps = sorted(int(n[4:]) for n in weights if n.startswith("gap_"))
        self._first, self._last = weights["first"], weights["logits"]
        self._layers = [weights[f"gap_{i}"] for i in gaps]
        self._gaps = [network.get_layer(f"gap_{i}").dilation_rate[0] for i in gaps]
        self._begin()

    def _begin(self):
        self._samples = np.zeros(_BEFORE, np.float32)
        self._state, self._row = None, None
        width = self._first[1].shape[0]
        self._past = [np.zeros(((TAPS - 1) * gap, width), np.float32) for gap in self._gaps]
        self._heard = self._rows = self._given = 0

    @property
    def kept(self):
        state = self._state or ()
        return sum(int(np.size(x)) for x in (self._samples, *state, *self._past))

    def push(self, block):
        block = np.asarray(block)
        if block.size == 0:
            return np.zeros(0, np.float32)
        block = check_samples(block, "block")
        self._heard += len(block)
        answers = []
        for start in range(0, len(block), 20 * SAMPLE_RATE):
            self._samples = np.concatenate([self._samples, block[start : start + 20 * SAMPLE_RATE]])
            count = FRONT_END.frames(len(self._samples))
            if count:
                rows = log_mel(self._samples, FRONT_END)
                self._samples = self._samples[count * FRONT_END.hop :].copy()
                answers.append(self._judge(rows))
        return np.concatenate([np.zeros(0, np.float32), *answers])

    def finish(self):
        frames = self._heard // FRONT_END.hop
        left, open_frames, answers = frames - self._rows, frames - self._given, []
        if left > 0:
            padded = np.pad(self._samples, (0, FRONT_END.n_fft))
            answers.append(self._judge(log_mel(padded, FRONT_END)[:left]))
        if self._rows:
            answers.append(self._judge(np.repeat(self._row, LOOK_AHEAD, axis=0)))
        self._begin()
        return np.concatenate([np.zeros(0, np.float32), *answers])[:open_frames]

    def _judge(self, rows):
        """Rows of log-mel (r, n_mels) → probabilities of the frames that they complete."""
        self._row = rows[-1:].copy()
        x, self._state = views(rows, self._state)
        x = np.maximum(x @ self._first[0] + self._first[1], 0)
        for i, ((kernel, bias), gap) in enumerate(zip(self._layers, self._gaps, strict=True)):
            past = np.concatenate([self._past[i], x])
            taps = [past[j * gap : j * gap + len(x)] @ kernel[j] for j in range(TAPS)]
            self._past[i] = past[len(past) - (TAPS - 1) * gap :].copy()
            x = x + np.maximum(sum(taps) + bias, 0)
        logits = (x @ self._last[0] + self._last[1])[:, 0]
        skip = max(0, min(len(logits), LOOK_AHEAD - self._rows))
        self._rows += len(rows)
        answer = (1 / (1 + np.exp(-logits[skip:].astype(np.float64)))).astype(np.float32)
        self._given += len(answer)
        return answer


def speech_probabilities(network, samples):
    """Probabilities that somebody speaks, one per frame of STEP: float (n,) → float32 (n // 160,).

    All of a sound at once, the same numbers as a `VoiceDetector` gives for its blocks.
    Raises AudioTooShort below one frame, AudioError for samples that are not sound. Chapter: 6.4
    """
    x = check_samples(samples)
    if len(x) < FRONT_END.hop:
        raise AudioTooShort(f"{len(x)} samples do not fill one frame of {FRONT_END.hop}")
    detector = VoiceDetector(network)
    return np.concatenate([detector.push(x), detector.finish()])


def hysteresis(probabilities, on=0.9, off=0.6, hold=0.05, step=STEP):
    """Decisions that do not flicker: float (k,) → bool (k,).

    Speech begins where a probability reaches `on` and ends when all have been below `off` for
    `hold` seconds; that time then still counts as speech. By default as on validation orders the
    balanced error was least. Raises ValueError unless 0 ≤ off ≤ on ≤ 1 and hold ≥ 0.

    Chapter: 6.4
    """
    if not 0 <= off <= on <= 1 or hold < 0:
        raise ValueError(
            f"on is {on}, off {off}, hold {hold} s; needed: 0 ≤ off ≤ on ≤ 1, hold ≥ 0"
        )
    p = np.asarray(probabilities, float)
    patience, decided, left = round(hold / step), np.zeros(len(p), bool), -1
    for t, value in enumerate(p):
        if value >= on or (left >= 0 and value >= off):
            left = patience
        elif left >= 0:
            left -= 1
        decided[t] = left >= 0
    return decided
