"""Where somebody speaks: streams with known times, detectors, and how wrong they are.

A detector's answer is a sequence of frames of `step` seconds, bool (k,), True for speech, or spans
of samples, int64 (m, 2), start and end (exclusive). Chapter: 2.2
"""

import itertools
from typing import NamedTuple

import numpy as np

from helpers import audio

STEP = 0.01
"""Seconds: the length of a frame."""


def place(sounds, gaps, sample_rate):
    """Put sounds one after the other with pauses of digital silence: (samples, spans).

    sounds: list of m float (n_i,). gaps: m + 1 pauses in seconds, before, between and behind.
    Returns float32 (n,) and int64 (m, 2), the spans that the sounds take up: exact by construction.

    Raises ValueError for another number of gaps or a negative one, AudioError as `check_samples`.

    Chapter: 2.2
    """
    rate = audio.check_rate(sample_rate)
    sounds = [audio.check_samples(s, f"sounds[{i}]") for i, s in enumerate(sounds)]
    if len(gaps) != len(sounds) + 1 or any(g < 0 for g in gaps):
        raise ValueError(f"{len(sounds)} sounds need {len(sounds) + 1} gaps of 0 s or more")
    silences = [np.zeros(round(g * rate), np.float32) for g in gaps]
    parts, spans, at = [silences[0]], [], len(silences[0])
    for sound, silence in zip(sounds, silences[1:], strict=True):
        spans.append((at, at + len(sound)))
        parts += [sound, silence]
        at += len(sound) + len(silence)
    return np.concatenate(parts), np.array(spans, np.int64).reshape(-1, 2)


def mix_into(stream, spans, noise, snr_db):
    """Add noise at a ratio that holds where somebody speaks: float32 (n,) → float32 (n,).

    As `helpers.audio.mix_at_snr`, but the power of the speech is its mean over `spans`, int (m, 2),
    so that pauses do not count. noise: float (n,) or longer.

    Raises as `mix_at_snr`, and ValueError without spans. Chapter: 2.2
    """
    x = audio.check_samples(stream, "stream")
    if not len(spans):
        raise ValueError("there are no spans: say where the speech is")
    spoken = np.concatenate([x[start:end] for start, end in spans])
    pauses_db = audio.amplitude_to_db(audio.rms(spoken)) - audio.amplitude_to_db(audio.rms(x))
    return audio.mix_at_snr(x, noise, snr_db - float(pauses_db))


def frames_of(spans, n_samples, sample_rate, step=STEP):
    """Spans as frames: int (m, 2) → bool (k,), True where a frame's middle lies in a span.

    k is the number of whole frames in `n_samples`. Raises ValueError if spans are not (m, 2).

    Chapter: 2.2
    """
    spans = np.asarray(spans, np.int64)
    if spans.size and (spans.ndim != 2 or spans.shape[1] != 2):
        raise ValueError(f"spans have shape {spans.shape}; they must be (m, 2), start and end")
    length = _length(sample_rate, step)
    middles = np.arange(n_samples // length) * length + length // 2
    inside = np.zeros(len(middles), bool)
    for start, end in spans.reshape(-1, 2):
        inside |= (middles >= start) & (middles < end)
    return inside


def spans_of(frames, sample_rate, step=STEP):
    """Frames as spans, the inverse of `frames_of`: bool (k,) → int64 (m, 2) in samples.

    Chapter: 2.2
    """
    edges = np.flatnonzero(np.diff(np.asarray(frames, bool), prepend=False, append=False))
    return edges.reshape(-1, 2).astype(np.int64) * _length(sample_rate, step)


def frame_levels(samples, sample_rate, step=STEP):
    """Mean square of each whole frame in dB relative to full scale: float32 (n,) → float64 (k,).

    Raises AudioTooShort below one frame, AudioError for samples that are not sound. Chapter: 2.2
    """
    length = _length(sample_rate, step)
    framed = audio.frame(samples, length, length).astype(np.float64)
    return 10 * np.log10(np.maximum(np.mean(framed**2, axis=1), 1e-20))


def energy_gate(samples, sample_rate, top_db=40.0, min_silence=0.1, step=STEP):
    """Speech is what is at most `top_db` below the loudest moment: float32 (n,) → bool (k,).

    The rule of `helpers.audio.segment`, pauses below `min_silence` seconds bridged, in frames.
    Raises as `segment`. Chapter: 2.2
    """
    spans = audio.segment(samples, sample_rate, top_db=top_db, min_silence=min_silence, pad=0)
    return frames_of(spans, len(samples), sample_rate, step)


def adaptive_gate(samples, sample_rate, share=0.5, min_silence=0.1, step=STEP, window=0.11):
    """Speech is what lies above a threshold between quiet and loud: float32 (n,) → bool (k,).

    Quiet and loud are the levels in dB that 20 % and 90 % of the frames stay below, after smoothing
    the power over `window` seconds; the threshold lies the `share` (0 … 1) of the way from the one
    to the other. It looks at the whole sound before it decides. Pauses below `min_silence` seconds
    are bridged.

    Raises ValueError for another share, and as `frame_levels`. Chapter: 2.2
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it must lie in [0, 1], such as 0.5")
    power = 10 ** (frame_levels(samples, sample_rate, step) / 10)
    width = 2 * round(window / step / 2) + 1
    padded = np.pad(power, width // 2, mode="edge")
    levels = 10 * np.log10(np.convolve(padded, np.full(width, 1 / width), mode="valid"))
    quiet, loud = np.quantile(levels, [0.2, 0.9])
    return bridge(levels >= quiet + share * (loud - quiet), min_silence, step)


def bridge(frames, min_silence, step=STEP):
    """Fill pauses between speech that are shorter than `min_silence` seconds: bool (k,) → (k,).

    Chapter: 2.2
    """
    filled = np.array(frames, bool)
    speech = np.flatnonzero(filled)
    for before, after in itertools.pairwise(speech):
        if after - before - 1 < min_silence / step - 1e-9:
            filled[before:after] = True
    return filled


def webrtc(samples, sample_rate, mode=2, step=STEP):
    """The voice activity detector of WebRTC: float32 (n,) → bool (k,).

    Two Gaussian mixtures, of speech and of noise, for the log energy in each of six bands between
    80 and 4 000 Hz; both adapt as they listen, so it must hear the frames in order. mode: 0 (lets
    much pass as speech) … 3 (lets little pass). step: 0.01, 0.02 or 0.03 seconds. Samples are
    rounded to 16 bits, those beyond ±1 cut off.

    Raises BadSampleRate for a rate other than 8, 16, 32 or 48 kHz, ValueError for another mode or
    step, AudioTooShort below one frame.

    Chapter: 2.2
    Source: [webrtcvad]
    """
    import webrtcvad

    rate = audio.check_rate(sample_rate)
    if rate not in (8000, 16000, 32000, 48000):
        raise audio.BadSampleRate(
            f"the detector takes 8000, 16000, 32000 or 48000 Hz, not {rate}: use audio.resample"
        )
    if mode not in (0, 1, 2, 3):
        raise ValueError(f"mode is {mode!r}; it must be 0, 1, 2 or 3")
    if round(1000 * step) not in (10, 20, 30):
        raise ValueError(f"step is {step} s; the detector takes frames of 0.01, 0.02 or 0.03 s")
    length = _length(rate, step)
    framed = audio.frame(samples, length, length)
    whole = np.clip(np.round(framed * 32768), -32768, 32767).astype("<i2")
    detector = webrtcvad.Vad(mode)
    return np.array([detector.is_speech(row.tobytes(), rate) for row in whole])


class FrameErrors(NamedTuple):
    """What `frame_errors` returns, each a share from 0 to 1.

    `miss`: of the frames with speech, those not found. `false_alarm`: of the frames without, those
    taken for speech; either is NaN where there are no such frames. `balanced`: the mean of the two,
    0.5 for a detector that always says the same. `all`: of all frames, those that are wrong.
    """

    miss: float
    false_alarm: float
    balanced: float
    all: float


def frame_errors(decided, truth):
    """How wrong a detector is: bool (k,), bool (k,) → `FrameErrors`.

    Raises ValueError for different lengths or none at all. Chapter: 2.2
    """
    decided, truth = np.asarray(decided, bool), np.asarray(truth, bool)
    if decided.shape != truth.shape or decided.ndim != 1 or not len(truth):
        raise ValueError(
            f"decided {decided.shape} and truth {truth.shape} must both be (k,), k > 0"
        )
    miss = float(np.mean(~decided[truth])) if truth.any() else float("nan")
    false_alarm = float(np.mean(decided[~truth])) if not truth.all() else float("nan")
    wrong = float(np.mean(decided != truth))
    return FrameErrors(miss, false_alarm, (miss + false_alarm) / 2, wrong)


def boundary_error(found, truth, sample_rate):
    """Mean distance in seconds from each true edge to the nearest edge found: a float.

    found, truth: spans, int (m, 2). Raises ValueError if there are none in either. Chapter: 2.2
    """
    found, truth = np.ravel(found).astype(float), np.ravel(truth).astype(float)
    if not len(found) or not len(truth):
        raise ValueError("there are no edges to compare: found and truth need a span at least")
    return float(np.mean(np.min(np.abs(truth[:, None] - found), axis=1)) / sample_rate)


def _length(sample_rate, step):
    length = round(audio.check_rate(sample_rate) * step)
    if length < 1:
        raise ValueError(f"step is {step} s, less than one sample")
    return length
