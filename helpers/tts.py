"""Text to speech: by the built-in voice, or by a voice that was trained here.

`speak` is what a program calls that wants to answer; the rest is how a trained voice goes from
phonemes to sound. Nothing is kept between calls. Chapter: 6.5
"""

import numpy as np

from helpers import phones as phonemes
from helpers import speech
from helpers.features import griffin_lim, mel_to_magnitude

ITERATIONS = 60
"""Of Griffin–Lim, and of the updates before it."""

SHARPEN = 1.0
"""Factor on the contrast of predicted spectrograms."""

STEPS = 600
"""Of training a talker."""

RATE = 16000
"""Sample rate in Hz of all that is spoken here."""


def train_talker(recordings, steps=STEPS, seed=0, kind="L1", learning_rate=2e-3, copies=1):
    """Train a Talker on a list of Spoken; return (talker, History).

    kind: of the loss, "L1" or "L2". copies: batches a step that are worked on side by side, each
    a part of the whole (two keep two cores busy). Raises ValueError for `copies` below 1, and as
    `examples`, `talker_loss` and `fit_stages`.

    Chapter: 6.5
    """
    from helpers.models import talker
    from helpers.training import fit_stages, set_seed

    if not 1 <= copies <= talker.BATCH:
        raise ValueError(f"copies is {copies}; give 1 to {talker.BATCH}")
    set_seed(seed)
    data = talker.examples(recordings)
    network = talker.talker_network(len(data.names))
    history = fit_stages(
        [network] * copies,
        [(steps, [talker.batches(data, talker.BATCH // copies)] * copies)],
        talker.talker_loss(kind),
        learning_rate=learning_rate,
        weight_decay=0.01,
        every=max(1, steps // 15),
    )
    return talker.Talker(network, data.names, data.mean, data.deviation), history


def sound_of(mel, iterations=ITERATIONS, rng=None):
    """The sound of a log-mel spectrogram: dB (T, 80) → float32 (n,) at 16 kHz, n = (T − 1)·hop.

    The magnitudes that have these bands, and then phases by Griffin–Lim; frame t is the sound
    around sample t·hop. Raises what `mel_to_magnitude` and `griffin_lim` raise.

    Chapter: 6.5
    Source: [griffin1984signal], [perraudin2013fast]
    """
    from helpers.models.talker import FRONT_END

    power = 10 ** (np.asarray(mel, dtype=np.float64) / 10)
    power = np.where(power > 2 * FRONT_END.floor, power, 0.0)
    magnitude = mel_to_magnitude(power, FRONT_END, iterations)
    samples, _ = griffin_lim(magnitude, FRONT_END, iterations, rng=rng)
    half = FRONT_END.n_fft // 2
    return samples[half : half + max(1, (len(magnitude) - 1) * FRONT_END.hop)]


def say(talker, phones, stress, durations=None, sharpen=SHARPEN, iterations=ITERATIONS):
    """A Talker says phonemes: (samples float32 (n,) at 16 kHz, starts int64 (P + 1,)).

    phones, stress: (P,), as in `helpers.phones.Spoken`. durations: float (P,) frames; None lets
    the talker predict them. starts: samples at which the phonemes begin. Raises as `Talker.mel`.

    Chapter: 6.5
    """
    from helpers.models.talker import FRONT_END

    if durations is None:
        durations = talker.durations(phones, stress)
    mel = talker.mel(phones, stress, durations, sharpen)
    samples = sound_of(mel, iterations)
    starts = np.concatenate([[0.0], np.cumsum(durations)]) * FRONT_END.hop
    return samples, np.minimum(np.round(starts), len(samples)).astype(np.int64)


def speak(text, voice=None):
    """Speak a text: (samples float32 (n,), sample rate in Hz), 16 kHz.

    voice: None, the built-in voice; the name of one, as in `helpers.speech.Utterance`; or a
    `Talker`, which gets its phonemes from the built-in voice's rules. Nothing is cached, and the
    same text and voice give the same samples.

    Raises ValueError for an empty text, an unknown voice variant, or a phoneme that the talker
    never heard; SpeechError when eSpeak NG fails.

    Chapter: 6.5
    Source: eSpeak NG [espeakng]
    """
    name = voice if isinstance(voice, str) else phonemes.VOICE
    (spoken,) = phonemes.speak_timed([speech.Utterance(str(text), name)], RATE)
    if voice is None or isinstance(voice, str):
        return spoken.samples, RATE
    return say(voice, spoken.phones, spoken.stress)[0], RATE
