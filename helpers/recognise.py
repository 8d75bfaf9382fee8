"""Recognise a spoken digit in any audio file: `python -m helpers.recognise clip.wav`.

The command uses the recogniser of chapter 5.2. The book has no hidden weights: the first time, the
model is trained here, on the digits that can be had, and kept in the cache.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import audio
from helpers.datasets.builtin_digits import WORDS
from helpers.errors import AudioError, AudioTooLong

LONGEST = 600.0
"""Seconds of sound that `recognise` accepts: it looks for one word."""


@dataclass(frozen=True)
class Recognition:
    """What was heard. `probabilities` is float64 (10,); `word` and `confidence` are the best.

    `seconds` is the length of the sound that was given. Chapter: 5.2
    """

    digit: int
    word: str
    confidence: float
    probabilities: np.ndarray
    seconds: float

    def __str__(self):
        ranked = np.argsort(-self.probabilities)[:3]
        rest = ", ".join(f"{WORDS[d]} {100 * self.probabilities[d]:.0f} %" for d in ranked[1:])
        return f"{self.word} ({self.digit}), {100 * self.confidence:.0f} % sure; then {rest}"


def recognise(source, model=None):
    """Recognise one spoken digit in a file (path, bytes or binary file object) → Recognition.

    Any format, rate and number of channels that `helpers.audio.load` takes; channels are averaged,
    and in a longer sound the second with the most energy is what counts. `model` takes float32
    (1, 8176) at 8 kHz and gives logits (1, 10); None is the book's own.

    Raises AudioError, as `helpers.audio.load` does, and AudioSilent where there is no sound.

    Chapter: 5.2
    """
    sound = audio.load(source, sample_rate=8000, max_seconds=LONGEST)
    return recognise_samples(sound.samples, 8000, model)


def recognise_samples(samples, sample_rate, model=None):
    """Recognise one spoken digit in float32 (n,) samples → Recognition.

    Raises AudioError for samples that are not sound, silent, or longer than ten minutes.

    Chapter: 5.2
    """
    from helpers.metrics import softmax
    from helpers.models.digits import window

    samples = audio.check_samples(samples)
    rate = audio.check_rate(sample_rate)
    seconds = len(samples) / rate
    if seconds > LONGEST:
        raise AudioTooLong(f"{seconds:.0f} s of sound; give at most {LONGEST:.0f} s with one word")
    if rate != 8000:
        samples = audio.resample(samples, rate, 8000)
    picture = window(samples)[None]
    model = default_model() if model is None else model
    p = softmax(np.asarray(model(picture, training=False)))[0]
    best = int(p.argmax())
    return Recognition(best, WORDS[best], float(p[best]), p, seconds)


_LOADED = {}


def default_model():
    """The book's recogniser: from memory, from the cache, or trained now (about a minute).

    Chapter: 5.2
    """
    if "model" not in _LOADED:
        import helpers.models.frontend  # noqa: F401  (registers the layers)
        from helpers.models import keras

        path = _model_path()
        if not path.is_file():
            _train_to(path)
        _LOADED["model"] = keras.saving.load_model(path)
    return _LOADED["model"]


def _model_path():
    """Where the model lives: named by all that it is made from, so that it is never stale."""
    import hashlib

    from helpers.datasets._store import cache_folder

    here = Path(__file__).parent
    folders = (here, here / "models", here / "datasets")
    parts = sorted(path for folder in folders for path in folder.glob("*.py"))
    digest = hashlib.sha256(b"\0".join(p.read_bytes() for p in parts)).hexdigest()[:16]
    wanted = os.environ.get("LISTENING_MACHINES_SOURCE", "auto")
    return cache_folder() / "models" / f"digits-{wanted}-{digest}.keras"


def _train_to(path):
    from helpers.datasets.builtin_digits import load_practice_voices
    from helpers.datasets.digits import load_digits
    from helpers.training import train_recogniser

    clips, voices = load_digits(quiet=True), load_practice_voices()
    print(f"Training the recogniser once, on {clips.describe()} …", file=sys.stderr)
    people = [] if clips.source == "builtin" else [clips]
    model, _ = train_recogniser(*people, voices)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}-{os.getpid()}.part.keras")
    try:
        model.save(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def main(arguments=None):
    """The command: one line per file; 0 if all were recognised, 1 otherwise. Chapter: 5.2"""
    parser = argparse.ArgumentParser(prog="python -m helpers.recognise", description=__doc__)
    parser.add_argument("files", nargs="+", help="audio files, each with one spoken digit")
    parser.add_argument("--model", help="a recogniser saved in the Keras format")
    options = parser.parse_args(arguments)
    model = None
    if options.model:
        import helpers.models.frontend  # noqa: F401  (registers the layers)
        from helpers.models import keras

        model = keras.saving.load_model(options.model)
    failed = 0
    for file in options.files:
        try:
            print(f"{file}: {recognise(file, model)}")
        except AudioError as problem:
            print(f"{file}: {problem}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
