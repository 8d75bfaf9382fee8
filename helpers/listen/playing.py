"""Players: sound beside the number that speaks of it, the same on the site and in JupyterLab."""

import numpy as np

from helpers import _html
from helpers.errors import ShapeError
from helpers.listen.assets import bring
from helpers.listen.encoding import (
    LOUDEST,
    audio_element,
    checked,
    credit_line,
    fitted,
    matched,
    picture,
)

CELL_COLUMNS = 36
"""Columns of the waveform in a cell of a table."""


def player(samples, sample_rate, label, credit=None, *, view="waveform", encoding="lossless"):
    """Show one sound with a label and, for recordings that ask for it, a line of credit.

    samples: float (n,) mono or (n, channels), played at their own level; where they exceed [-1, 1]
    they are turned down to fit, and the label says so.
    view: what lies under the playhead: "waveform", "spectrogram" or None.
    encoding: "lossless", or "compact" where the last bits do not matter.

    Raises ValueError without a label (it is what a screen reader says), for an unknown view or
    encoding, `BadSampleRate` for a rate that browsers do not play, and as
    `helpers.audio.check_samples` for what is no sound.

    Chapter: 5.1
    """
    page = _figure(samples, sample_rate, label, view, encoding)
    _html.display(f"{bring()}{page}{credit_line(credit)}", f"[sound: {label}]")


def players(
    sounds,
    sample_rate,
    labels,
    credit=None,
    match_level=True,
    *,
    view="waveform",
    encoding="lossless",
):
    """Show several sounds side by side, brought to the same level so that louder is not better.

    sounds: list of float (n,); labels: as many texts. match_level=False keeps the levels, for when
    they are the point. Silence stays silent. view, encoding: as in `player`. Raises as `player`,
    and ValueError for lists of different lengths.

    Chapter: 5.1
    """
    sounds, labels = _paired(sounds, labels)
    if match_level:
        sounds = matched(sounds)
    cells = "".join(
        _figure(sound, sample_rate, label, view, encoding)
        for sound, label in zip(sounds, labels, strict=True)
    )
    _html.display(
        f'{bring()}<div class="lm-players" style="display:flex;flex-wrap:wrap;gap:0.4rem 1.2rem;'
        f'align-items:flex-end">{cells}</div>{credit_line(credit)}',
        "\n".join(f"[sound: {label}]" for label in labels),
    )


def compare(
    sounds,
    sample_rate,
    labels,
    title,
    credit=None,
    match_level=True,
    *,
    view="spectrogram",
    encoding="lossless",
):
    """Show versions of one sound, A, B, C …, between which the reader switches while it plays.

    sounds: list of two to six float (n,), all of the same length, since they share one position;
    labels: as many texts; title: what is compared. Levels are matched unless match_level=False.
    view, encoding: as in `player`.

    Raises ShapeError for sounds of different lengths, ValueError without a title or for fewer than
    two sounds or more than six, and as `players`.

    Chapter: 2.2
    """
    sounds, labels = _paired(sounds, labels)
    if not 2 <= len(sounds) <= 6:
        raise ValueError(f"{len(sounds)} sounds: a comparison takes two to six")
    if not str(title or "").strip():
        raise ValueError("a comparison needs a title: say what is compared")
    lengths = sorted({len(sound) for sound in sounds})
    if len(lengths) > 1:
        raise ShapeError(
            f"the sounds have {lengths} samples; versions of one sound share one position, so "
            "bring them to one length with helpers.audio.fix_length"
        )
    sounds = matched(sounds) if match_level else _fitted_together(sounds, sample_rate)
    lanes = "".join(
        f'<div class="lm-lane" data-label="{_html.escape(label)}">'
        f'<p class="lm-lane__label" style="margin:0.4rem 0 0.15rem;font-size:0.92em">'
        f"{letter} · {_html.inline(str(label))}</p>"
        f"{picture(sound, sample_rate, label, view)}"
        f"{audio_element(sound, sample_rate, f'{letter}, {label}', encoding)}</div>"
        for letter, sound, label in zip("ABCDEF", sounds, labels, strict=False)
    )
    _html.display(
        f'{bring()}<figure class="lm-player lm-compare" data-lm="compare" '
        f'aria-label="{_html.escape(title)}" style="margin:0.4rem 0;padding:0">'
        f"{_caption(_html.inline(str(title)))}{lanes}</figure>{credit_line(credit)}",
        f"[compare: {title}: {', '.join(map(str, labels))}]",
    )


def table_of_players(
    rows, columns, samples, sample_rate, credit=None, match_level=True, *, encoding="lossless"
):
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
    head = "".join(f'<th scope="col" {cell}>{_html.inline(str(name))}</th>' for name in columns)
    body = ""
    for name, row in zip(rows, grid, strict=True):
        cells = "".join(
            f"<td {cell}>{_in_cell(sound, sample_rate, f'{name}, {column}', encoding)}</td>"
            for sound, column in zip(row, columns, strict=True)
        )
        body += f'<tr><th scope="row" {cell}>{_html.inline(str(name))}</th>{cells}</tr>'
    _html.display(
        f'{bring()}<div class="lm-players" style="overflow-x:auto"><table '
        f'class="lm-listening-table" style="border-collapse:collapse;'
        f'color:{_html.TEXT};background:{_html.CARD};margin:0.4rem 0"><thead><tr><td {cell}></td>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>{credit_line(credit)}",
        f"[{len(rows)} × {len(columns)} sounds]",
    )


# --- pieces ------------------------------------------------------------------------------------


def _paired(sounds, labels):
    sounds, labels = list(sounds), list(labels)
    if len(sounds) != len(labels) or not sounds:
        raise ValueError(f"{len(sounds)} sounds and {len(labels)} labels: give one label per sound")
    return sounds, labels


def _fitted_together(sounds, sample_rate):
    """Sounds turned down by one factor if any exceeds [-1, 1]: their levels stay comparable."""
    sounds = [checked(sound, sample_rate)[0] for sound in sounds]
    peak = max(float(np.max(np.abs(sound))) for sound in sounds)
    return [sound * np.float32(LOUDEST / peak) for sound in sounds] if peak > 1 else sounds


def _figure(samples, sample_rate, label, view, encoding):
    _, louder = fitted(checked(samples, sample_rate)[0])
    note = " (turned down to fit)" if louder else ""
    return (
        '<figure class="lm-player" data-lm="player" style="margin:0.4rem 0;padding:0">'
        f"{_caption(_html.inline(str(label)) + note)}"
        f"{picture(samples, sample_rate, label, view)}"
        f"{audio_element(samples, sample_rate, label, encoding)}</figure>"
    )


def _caption(text):
    return (
        f'<figcaption style="color:{_html.TEXT};font-size:0.92em;font-weight:400;'
        f'text-align:left;margin:0 0 0.15rem">{text}</figcaption>'
    )


def _in_cell(sound, sample_rate, label, encoding):
    if sound is None:
        return ""
    return (
        '<div class="lm-player lm-player--cell" data-lm="player">'
        f"{picture(sound, sample_rate, label, 'waveform', CELL_COLUMNS)}"
        f"{audio_element(sound, sample_rate, label, encoding)}</div>"
    )
