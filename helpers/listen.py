"""Players: sound beside the number that speaks of it, the same on the site and in JupyterLab.

Sound travels in the page as a `data:` address, so nothing is fetched and nothing is left behind on
disk; the build of the site moves it into files. Up to three seconds it is a 16-bit WAV, which
everything plays at once; longer sound is 16-bit FLAC, about half the size without loss, which
Chrome, Firefox, Edge and Safari (from 11) play. Opus would be smaller, but older Safari does not
play it, and a lossy code has no place in a comparison of sounds.
"""

import base64
import io
import os
import tempfile
from pathlib import Path

import numpy as np

from helpers import _html
from helpers.audio import check_rate, check_samples
from helpers.errors import AudioError, BadSampleRate

WAV_SECONDS = 3.0
LOWEST_PLAYABLE, HIGHEST_PLAYABLE = 3_000, 192_000
LOUDEST = 0.99
MATCHED_RMS = 0.1
"""The level that players side by side are brought to: −20 dB, unless a peak forbids it."""


def player(samples, sample_rate, label, credit=None):
    """Show one sound with a label and, for recordings that ask for it, a line of credit.

    samples: float (n,) mono or (n, channels), played at their own level; where they exceed [-1, 1]
    they are turned down to fit, and the label says so.

    Raises ValueError without a label (it is what a screen reader says), `BadSampleRate` for a rate
    that browsers do not play, and as `helpers.audio.check_samples` for what is no sound.

    Chapter: 5.1
    """
    page = _figure(samples, sample_rate, label)
    _html.display(f"{page}{_credit(credit)}", f"[sound: {label}]")


def players(sounds, sample_rate, labels, credit=None, match_level=True):
    """Show several sounds side by side, brought to the same level so that louder is not better.

    sounds: list of float (n,); labels: as many texts. match_level=False keeps the levels, for when
    they are the point. Silence stays silent. Raises as `player`, and ValueError for lists of
    different lengths.

    Chapter: 5.1
    """
    sounds, labels = list(sounds), list(labels)
    if len(sounds) != len(labels) or not sounds:
        raise ValueError(f"{len(sounds)} sounds and {len(labels)} labels: give one label per sound")
    if match_level:
        sounds = matched(sounds)
    cells = "".join(
        _figure(sound, sample_rate, label) for sound, label in zip(sounds, labels, strict=True)
    )
    _html.display(
        f'<div class="lm-players" style="display:flex;flex-wrap:wrap;gap:0.4rem 1.2rem;'
        f'align-items:flex-end">{cells}</div>{_credit(credit)}',
        "\n".join(f"[sound: {label}]" for label in labels),
    )


def table_of_players(rows, columns, samples, sample_rate, credit=None, match_level=True):
    """Show a grid of sounds: `samples[r][c]` in the row `rows[r]` and the column `columns[c]`.

    rows, columns: texts; a sound may be None, which leaves its place empty. Levels are matched over
    the whole table unless match_level=False. Raises as `players`.

    Chapter: 5.1
    """
    rows, columns = list(rows), list(columns)
    grid = [list(row) for row in samples]
    if not rows or len(grid) != len(rows) or any(len(row) != len(columns) for row in grid):
        raise ValueError(
            f"{len(rows)} rows and {len(columns)} columns, but the sounds come as "
            f"{len(grid)} rows of {sorted({len(row) for row in grid})}"
        )
    if match_level:
        flat = iter(matched([sound for row in grid for sound in row if sound is not None]))
        grid = [[None if sound is None else next(flat) for sound in row] for row in grid]
    cell = f'style="padding:0.2rem 0.6rem;text-align:left;border-bottom:1px solid {_html.BORDER}"'
    head = "".join(f'<th scope="col" {cell}>{_html.escape(name)}</th>' for name in columns)
    body = ""
    for name, row in zip(rows, grid, strict=True):
        cells = "".join(
            f"<td {cell}>{'' if s is None else _audio(s, sample_rate, f'{name}, {column}')}</td>"
            for s, column in zip(row, columns, strict=True)
        )
        body += f'<tr><th scope="row" {cell}>{_html.escape(name)}</th>{cells}</tr>'
    _html.display(
        f'<div class="lm-players" style="overflow-x:auto"><table style="border-collapse:collapse;'
        f'color:{_html.TEXT};background:{_html.CARD};margin:0.4rem 0"><thead><tr><td {cell}></td>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>{_credit(credit)}",
        f"[{len(rows)} × {len(columns)} sounds]",
    )


def matched(sounds):
    """Bring sounds to one root-mean-square level; silence stays as it is. Inputs are not changed.

    sounds: list of float (n,). Returns a list of float32 (n,). The level is `MATCHED_RMS`, or less
    if a peak would leave [-1, 1].

    Chapter: 5.1
    """
    sounds = [check_samples(s, ndim=np.ndim(s) if np.ndim(s) == 2 else 1) for s in sounds]
    levels = [float(np.sqrt(np.mean(np.square(s, dtype=np.float64)))) for s in sounds]
    peaks = [float(np.max(np.abs(s))) for s in sounds]
    level = min(
        [MATCHED_RMS]
        + [LOUDEST * r / p for r, p in zip(levels, peaks, strict=True) if r > 0 and p > 0]
    )
    return [
        (s * (level / r)).astype(np.float32) if r > 0 else s
        for s, r in zip(sounds, levels, strict=True)
    ]


def encode(samples, sample_rate):
    """Encode sound for a browser: (bytes, media type), WAV to three seconds, FLAC beyond.

    samples: float (n,) or (n, channels) within [-1, 1]; 16 bits. Raises as `player`.

    Chapter: 2.1
    """
    import soundfile

    samples, sample_rate = _checked(samples, sample_rate)
    short = len(samples) <= WAV_SECONDS * sample_rate
    steps = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, steps, sample_rate, "PCM_16", format="WAV" if short else "FLAC")
    return file.getvalue(), "audio/wav" if short else "audio/flac"


def upload_widget(recognise):
    """Show a button that takes a sound file of the reader's, plays it and says what is in it.

    recognise: called with the file's path; what it returns is shown as text, or as HTML if it has
    `_repr_html_`. A file that is no sound gets its message. The widget needs a running kernel: in
    the built site (LISTENING_MACHINES_BUILD=1) a sentence stands in its place.

    Chapter: 5.2
    """
    if os.environ.get("LISTENING_MACHINES_BUILD") == "1":
        text = (
            "Here a button takes a sound file of yours and recognises it. It works when this "
            "chapter runs: open it with <code>make lab</code>."
        )
        _html.display(_html.box(_html.paragraph(text), classes="lm-live"), "[upload: runs live]")
        return
    import ipywidgets
    from IPython.display import display

    button = ipywidgets.FileUpload(
        accept="audio/*,.wav,.flac,.ogg,.mp3,.aiff,.au",
        multiple=False,
        description="Recognise a sound file",
        layout=ipywidgets.Layout(width="auto"),
    )
    output = ipywidgets.HTML()

    def arrived(change):
        if change["new"]:
            file = change["new"][0]
            output.value = _recognised(file["name"], bytes(file["content"]), recognise)

    button.observe(arrived, names="value")
    display(ipywidgets.VBox([button, output]))


def _recognised(name, content, recognise):
    """The reply to an upload, as HTML."""
    from helpers.audio import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix[:8]}"
        path.write_bytes(content)
        try:
            sound = load(path, max_seconds=60.0)
            result = recognise(path)
            heard = _figure(sound.samples, sound.sample_rate, name)
        except AudioError as error:
            message = str(error).replace(str(path), name)
            return _html.box(_html.paragraph(_html.escape(message)), colour=_html.BAD)
    said = getattr(result, "_repr_html_", lambda: None)()
    if said is None:
        said = _html.paragraph(f"<strong>{_html.escape(result)}</strong>")
    return f"{heard}{said}"


# --- pieces ------------------------------------------------------------------------------------


def _checked(samples, sample_rate):
    sample_rate = check_rate(sample_rate)
    if not LOWEST_PLAYABLE <= sample_rate <= HIGHEST_PLAYABLE:
        raise BadSampleRate(
            f"browsers do not play {sample_rate} Hz: bring the sound to a rate from "
            f"{LOWEST_PLAYABLE} to {HIGHEST_PLAYABLE} Hz with helpers.audio.resample"
        )
    return check_samples(samples, ndim=2 if np.ndim(samples) == 2 else 1), sample_rate


def _fitted(samples):
    """Samples turned down if they exceed [-1, 1], and whether they were."""
    peak = float(np.max(np.abs(samples)))
    return (samples * np.float32(LOUDEST / peak), True) if peak > 1 else (samples, False)


def _figure(samples, sample_rate, label):
    _, louder = _fitted(_checked(samples, sample_rate)[0])
    note = " (turned down to fit)" if louder else ""
    audio = _audio(samples, sample_rate, label)
    return (
        '<figure class="lm-player" style="margin:0.4rem 0;padding:0">'
        f'<figcaption style="color:{_html.TEXT};font-size:0.92em;font-weight:400;'
        f'text-align:left;margin:0 0 0.15rem">{_html.inline(str(label))}{note}</figcaption>'
        f"{audio}</figure>"
    )


def _audio(samples, sample_rate, label):
    if not str(label or "").strip():
        raise ValueError("a player needs a label: say what is to be heard")
    samples, sample_rate = _checked(samples, sample_rate)
    content, kind = encode(_fitted(samples)[0], sample_rate)
    return (
        f'<audio controls preload="none" aria-label="{_html.escape(label)}" '
        f'style="width:17rem;max-width:100%;height:2.5rem;vertical-align:middle" '
        f'src="data:{kind};base64,{base64.b64encode(content).decode("ascii")}"></audio>'
    )


def _credit(credit):
    if not credit:
        return ""
    return (
        f'<p class="lm-credit" style="font-size:0.8em;margin:0.1rem 0 0.5rem;color:{_html.MUTED}">'
        f"{_html.inline(str(credit))}</p>"
    )
