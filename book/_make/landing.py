"""Make the landing page's sound and picture: six spoken digits and their log-mel spectrogram.

    python book/_make/landing.py

Writes `book/_static/landing/` (digits.mp3, log-mel.png) and `book/landing-figure.html`, which the
landing page includes. All three are committed, so that a build needs neither the voices nor an
MP3 encoder; run this again after a change here.
"""

import html
from pathlib import Path

import numpy as np

BOOK = Path(__file__).resolve().parents[1]
STATIC = BOOK / "_static" / "landing"

WORDS = (
    ("three", "en-gb-scotland+f2", 40, 150),
    ("one", "en-us", 38, 140),
    ("four", "en-029+m3", 55, 150),
    ("one", "en+f4", 78, 165),
    ("five", "en-gb-x-rp+m1", 45, 150),
    ("nine", "en-us+f3", 60, 145),
)
"""(word, voice, pitch, rate) of each of the six."""

GAP = 0.30
LEAD = 0.20
HEIGHT = 96
COLOURS = ("0b1020", "1b2a5b", "2f5fa8", "2f9ea8", "8fd18b", "f6e27a", "fffbe6")
"""The colour scale from quiet to loud, RGB."""


def join(sounds, rate):
    """Put sounds in a row: a list of (n_i,) → float32 (n,) and the (start, end) of each in s."""
    pieces, spans, at = [np.zeros(round(LEAD * rate), np.float32)], [], LEAD
    for sound in sounds:
        loud = np.flatnonzero(np.abs(sound) > 0.01)
        sound = sound[loud[0] : loud[-1] + 1]
        sound = sound * (0.08 / np.sqrt(np.mean(sound**2)))
        spans.append((at, at + len(sound) / rate))
        pieces += [sound, np.zeros(round(GAP * rate), np.float32)]
        at = spans[-1][1] + GAP
    joined = np.concatenate(pieces)
    return np.clip(joined, -0.99, 0.99).astype(np.float32), spans


def picture(samples, rate):
    """The log-mel spectrogram of `samples` as a PIL image of HEIGHT rows, low notes at the foot."""
    from PIL import Image

    from helpers.features import FrontEnd, log_mel

    front_end = FrontEnd(
        sample_rate=rate, n_fft=1024, hop=128, n_mels=HEIGHT, fmin=60.0, fmax=8000.0
    )
    # Samples before the first frame's centre, so that the picture starts when the sound does.
    padded = np.concatenate([np.zeros(512, np.float32), samples, np.zeros(512, np.float32)])
    level = np.asarray(log_mel(padded, front_end)).T[::-1]
    low, high = np.percentile(level, 30), level.max()
    level = np.clip((level - low) / (high - low), 0, 1)
    stops = np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in COLOURS], float)
    scale = np.linspace(0, 1, 64)[:, None]
    palette = np.concatenate(
        [np.interp(scale, np.linspace(0, 1, len(stops)), stops[:, k]) for k in range(3)], axis=1
    )
    image = Image.fromarray((level * 63).round().astype(np.uint8), mode="P")
    image.putpalette(palette.round().astype(np.uint8).tobytes())
    return image


def figure(spans, seconds, size):
    """The landing page's figure as HTML: picture, one button per word, player and answer."""
    marks = "\n".join(
        f'    <button type="button" class="lm-hero__word" data-start="{a:.2f}" data-end="{b:.2f}" '
        f'style="left:{100 * a / seconds:.2f}%;width:{100 * (b - a) / seconds:.2f}%" '
        f'aria-label="Play word {i}">{i}</button>'
        for i, (a, b) in enumerate(spans, 1)
    )
    words = [word for word, *_ in WORDS]
    twice = next(w for w in words if words.count(w) == 2)
    first, second = (i for i, w in enumerate(words, 1) if w == twice)
    alt = (
        "Log-mel spectrogram of six spoken words: time runs to the right, pitch upwards, and "
        "brightness is loudness. Each word is a bright, striped island."
    )
    return f"""<figure class="lm-hero" data-seconds="{seconds:.3f}">
  <div class="lm-hero__stage">
    <img src="../_static/landing/log-mel.png" alt="{html.escape(alt)}" \
width="{size[0]}" height="{size[1]}">
    <div class="lm-hero__playhead" aria-hidden="true"></div>
{marks}
  </div>
  <figcaption>
    <p><strong>Six spoken digits, six synthetic voices. Two of them are the same word.</strong>
    Can you hear which? Can you see which?</p>
    <audio controls preload="none" src="../_static/landing/digits.mp3" \
aria-label="Six spoken digits in six synthetic voices, {seconds:.0f} seconds"></audio>
    <details><summary>The answer</summary>
    <p>“{", ".join(words)}”: words {first} and {second} are both “{twice}”. Their stripes lie at
    different heights because one voice is higher than the other; the slow bend of the bright bands
    is what they share. A recogniser has to see the bend and ignore the stripes, and
    the book’s first project asks whether it does.</p></details>
  </figcaption>
</figure>
"""


def main():
    """Make all three files and say how large they are."""
    import soundfile

    from helpers.speech import Utterance, synthesise

    utterances = [Utterance(w, voice=v, pitch=p, rate=r) for w, v, p, r in WORDS]
    sounds, rate = synthesise(utterances)
    samples, spans = join(sounds, rate)
    STATIC.mkdir(parents=True, exist_ok=True)
    soundfile.write(STATIC / "digits.mp3", samples, rate, format="MP3", compression_level=0.85)
    image = picture(samples, rate)
    image.save(STATIC / "log-mel.png", optimize=True)
    text = figure(spans, len(samples) / rate, image.size)
    (BOOK / "landing-figure.html").write_text(text, encoding="utf-8")
    for path in (STATIC / "digits.mp3", STATIC / "log-mel.png", BOOK / "landing-figure.html"):
        print(f"{path.relative_to(BOOK.parent)}: {path.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
