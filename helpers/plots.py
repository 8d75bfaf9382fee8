"""Figures: one look for all, colours that colour-blind readers tell apart, and a text for each.

Every function takes `ax=None` and returns `(fig, ax)`; `show(fig, alt="…")` puts the figure on the
page with its alternative text. Figures are white cards, legible on light and dark pages alike.
matplotlib is imported when the first figure is drawn.

Colours: Okabe & Ito [okabe2008color]; colour never tells things apart alone (markers differ too).
"""

import gzip
import io
import math
import re
from collections.abc import Mapping

import numpy as np

from helpers import _html

PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#000000",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH = 7.0
"""Width of a figure in inches; at 9 points and more its text is as large as that of the page."""

DOTS_PER_INCH = 144  # twice the 72 that a point on the page gets, for sharp screens
SMALL_DOTS_PER_INCH = 110  # for pictures of which a page carries many
LIGHT_DRAWING = 5_000  # bytes: below that no other form of a figure is tried
PIXELS_PER_INCH = 100  # on the page: 7 inches are the 700 pixels of its text column

STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "figure.titlesize": 12,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "image.cmap": "magma",
    "svg.hashsalt": "listening-machines",
}


# --- the page ----------------------------------------------------------------------------------


def subplots(rows=1, columns=1, *, height=None, width=WIDTH, **kwargs):
    """Like matplotlib's `subplots`, in the book's style: (fig, ax) or (fig, array of axes).

    height, width in inches; kwargs go to matplotlib. Chapter: 5.1
    """
    height = height or 2.6 * rows + 0.3
    return _pyplot().subplots(
        rows, columns, figsize=(width, height), layout="constrained", **kwargs
    )


def _pyplot():
    """matplotlib's pyplot with the book's style switched on."""
    import matplotlib.pyplot as plt
    from cycler import cycler

    plt.rcParams.update({**STYLE, "axes.prop_cycle": cycler(color=PALETTE)})
    return plt


def show(fig, *, alt, caption=None):
    """Put a figure on the page, with a text for those who cannot see it, and close it.

    alt: what the figure shows, a sentence or two; caption: Markdown under the figure.
    Lines become a drawing or a PNG of few colours, whichever is lighter, and pictures such as
    spectrograms WebP, at twice the resolution of the page. The size is stated, so that the page
    does not jump when it loads.

    Raises ValueError if `alt` is empty, a file name, or too short to say anything.

    Chapter: 5.1
    """
    alt = " ".join(str(alt or "").split())
    if len(alt) < 15 or re.fullmatch(r"\S+\.(?:png|svg|jpe?g)", alt):
        raise ValueError(
            f"alt is {alt!r}: say in a sentence what the figure shows, for those who cannot see it"
        )
    picture = _html.picture(*_encoded(fig, DOTS_PER_INCH, colours=48, quality=72), alt)
    _pyplot().close(fig)
    under = ""
    if caption:
        under = (
            f'<figcaption style="color:{_html.MUTED};font-size:0.92em;font-weight:400;'
            f'text-align:left;margin:0.3rem 0 0">{_html.inline(caption)}</figcaption>'
        )
    _html.display(
        f'<figure class="lm-figure" style="margin:0.6rem 0;padding:0">{picture}{under}</figure>',
        f"[figure: {alt}]",
    )


def small_picture(fig):
    """A figure as (bytes, media type, width, height), sides in pixels on the page; it is closed.

    For figures of which a page carries many: fewer points and colours than `show` gives them.

    Chapter: 2.1
    """
    picture = _encoded(fig, SMALL_DOTS_PER_INCH, colours=24, quality=60)
    _pyplot().close(fig)
    return picture


def _encoded(fig, dots_per_inch, colours, quality):
    """The figure as (bytes, media type, width, height), in the form that travels lightest.

    Lines are a drawing (SVG, which a server sends compressed), or a PNG of few colours where the
    drawing is heavy; what holds pictures, such as spectrograms, is WebP or PNG.
    """
    from PIL import Image

    width, height = (round(side * PIXELS_PER_INCH) for side in fig.get_size_inches())
    pictured = any(ax.images or _has_mesh(ax) for ax in fig.axes)
    drawing = b"" if pictured else _drawing(fig)
    travels = len(gzip.compress(drawing, 6, mtime=0))
    if drawing and travels < LIGHT_DRAWING:
        return drawing, "image/svg+xml", width, height
    raw, png, webp = io.BytesIO(), io.BytesIO(), io.BytesIO()
    fig.savefig(raw, format="png", dpi=dots_per_inch, facecolor="white", metadata={"Software": ""})
    with Image.open(raw) as opened:
        image = opened.convert("RGB")
    few = image.quantize(colours, Image.Quantize.MEDIANCUT, dither=0)
    few.save(png, format="PNG", optimize=True)
    content = min(png.getvalue(), raw.getvalue(), key=len)
    if drawing and travels < len(content):
        return drawing, "image/svg+xml", width, height
    if pictured:
        image.save(webp, "WEBP", quality=quality, method=4)
        if len(webp.getvalue()) < len(content):
            return webp.getvalue(), "image/webp", width, height
    return content, "image/png", width, height


def _drawing(fig):
    """The figure as SVG bytes, coordinates to a tenth of a point.

    Letters are text, in matplotlib's font or one as wide (Verdana); formulas are shapes.
    """
    from matplotlib.text import Text

    file = io.BytesIO()
    formulas = any("$" in text.get_text() for text in fig.findobj(Text))
    settings = {
        "svg.fonttype": "path" if formulas else "none",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Geneva"],
    }
    with _pyplot().rc_context(settings):
        fig.savefig(file, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    text = re.sub(rb"<[^>]*>", _shortened, file.getvalue())
    return re.sub(rb"\s*\n\s*", b" ", text)


def _shortened(tag):
    """A tag of a drawing with coordinates to a tenth; what is written between tags stays."""
    return re.sub(rb"\b([1-9]\d*\.\d)\d{2,}", rb"\1", tag[0])


def _has_mesh(ax):
    from matplotlib.collections import QuadMesh

    return any(isinstance(drawn, QuadMesh) for drawn in ax.collections)


def _axes(ax, height=2.6, **kwargs):
    if ax is not None:
        _pyplot()
        return ax.figure, ax
    return subplots(height=height, **kwargs)


# --- sound -------------------------------------------------------------------------------------


def waveform(samples, sample_rate, ax=None, title=None, colour=PALETTE[0]):
    """Sample values against time in seconds. samples: float (n,). Returns (fig, ax).

    Long sounds are drawn as the range that each pixel column covers. Raises as
    `helpers.audio.check_samples`. Chapter: 5.1
    """
    from helpers.audio import check_samples

    samples = check_samples(samples)
    fig, ax = _axes(ax, height=1.9)
    seconds = len(samples) / sample_rate
    columns = 1500
    if len(samples) > 4 * columns:
        edges = np.linspace(0, len(samples), columns + 1).astype(int)[:-1]
        low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
        ax.fill_between(edges / sample_rate, low, high, color=colour, linewidth=0.5)
    else:
        ax.plot(np.arange(len(samples)) / sample_rate, samples, color=colour, linewidth=0.8)
    ax.set(xlabel="time (s)", ylabel="sample value", title=title, xlim=(0, seconds))
    return fig, ax


def spectrogram(values, front_end, ax=None, title=None, limits=None, bar=True):
    """A log-mel spectrogram: time in seconds, mel bands labelled in Hz, colour in dB.

    values: float (frames, n_mels) in dB, as `helpers.features.log_mel` gives. front_end: the
    `FrontEnd` that made it. limits: (low, high) of the colours, to compare pictures; by default the
    loudest value and 80 dB below it. bar=False leaves the colour bar out. Returns (fig, ax).

    Raises ValueError if `values` does not have one column per mel band. Chapter: 5.2
    """
    from helpers.features import hz_to_mel

    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or values.shape[1] != front_end.n_mels or len(values) == 0:
        raise ValueError(
            f"values has shape {values.shape}; a spectrogram of this front end has shape "
            f"(frames, {front_end.n_mels})"
        )
    fig, ax = _axes(ax, height=2.7)
    high = float(values.max())
    low, high = limits or (max(float(values.min()), high - 80), high)
    seconds = (len(values) - 1) * front_end.hop / front_end.sample_rate
    half = front_end.hop / front_end.sample_rate / 2
    first = front_end.n_fft / front_end.sample_rate / 2  # a frame stands at its middle
    image = ax.imshow(
        values.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=low,
        vmax=high if high > low else low + 1,
        extent=(first - half, first + seconds + half, -0.5, front_end.n_mels - 0.5),
    )
    edges = np.linspace(hz_to_mel(front_end.fmin), hz_to_mel(front_end.fmax), front_end.n_mels + 2)
    candidates = np.array([125, 250, 500, 1000, 2000, 3000, 4000, 8000, 16000])
    bands = (hz_to_mel(candidates) - edges[0]) / (edges[1] - edges[0]) - 1
    inside = (bands >= -0.5) & (bands <= front_end.n_mels - 0.5)
    ax.set_yticks(bands[inside], [str(f) for f in candidates[inside]])
    ax.set(xlabel="time (s)", ylabel="frequency (Hz, mel scale)", title=title)
    if bar:
        fig.colorbar(image, ax=ax, label="level (dB)", pad=0.02)
    return fig, ax


# --- training and its results ------------------------------------------------------------------


def curves(history, metrics=("loss", "accuracy"), title=None, x=None, xlabel=None):
    """Training and validation curves over epochs or steps, one panel per metric.

    history: a `helpers.training.History`, drawn over its steps; or {name: list of numbers},
    validation as "val_" + name; or Keras' `History`. Metrics that it lacks are left out. Whatever
    is called accuracy is given as a fraction and drawn in percent.
    x: where the numbers stand, one list for all curves or {name: list}, and xlabel what it counts,
    such as "step"; without them one number per epoch, from 1. Returns (fig, array of axes).

    Raises ValueError if none of `metrics` is there, if `x` has no `xlabel` or does not fit, or if
    an accuracy lies outside [0, 1]. Chapter: 5.2
    """
    units = {}
    if hasattr(history, "validation_steps"):
        units = {"loss": " (nats)"}
        if x is None:
            x = {"loss": history.steps, "val_accuracy": history.validation_steps}
            xlabel = xlabel or "step"
        history = {"loss": history.loss, "val_accuracy": history.validation_accuracy}
    history = getattr(history, "history", history)
    if x is not None and not xlabel:
        raise ValueError("x has no name: say in xlabel what it counts, such as 'step'")
    held = {key: np.asarray(v, dtype=float) for key, v in history.items() if np.size(v)}
    there = [name for name in metrics if name in held or f"val_{name}" in held]
    if not there:
        raise ValueError(f"the history holds {sorted(held)}, none of {list(metrics)}")
    fig, axes = subplots(1, len(there), height=2.7, squeeze=False)
    for ax, name in zip(axes[0], there, strict=True):
        share = name.endswith("accuracy")
        for i, (key, label) in enumerate(((name, "training"), (f"val_{name}", "validation"))):
            if key not in held:
                continue
            if share and (np.nanmin(held[key]) < 0 or np.nanmax(held[key]) > 1):
                raise ValueError(f"{key} must lie in [0, 1]: give fractions, not percent")
            ax.plot(
                _places(x, key, len(held[key])),
                held[key] * (100 if share else 1),
                color=PALETTE[i],
                linestyle=("-", "--")[i],
                marker=MARKERS[i] if len(held[key]) <= 30 else None,
                label=label,
            )
        unit = " (%)" if share else units.get(name, "")
        ax.set(xlabel=xlabel or "epoch", ylabel=name + unit)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
    if title:
        fig.suptitle(title)
    return fig, axes[0]


def _places(x, key, n):
    """Where the n numbers of the curve `key` stand: in `x`, or at 1 … n if it is None."""
    if x is None:
        return np.arange(1, n + 1)
    places = np.asarray(x.get(key, ()) if isinstance(x, Mapping) else x)
    if places.shape != (n,):
        raise ValueError(f"{key} has {n} numbers, but its x has shape {places.shape}")
    return places


def confusion(matrix, labels=None, ax=None, title=None):
    """A confusion matrix with its counts: rows are what was said, columns what was heard.

    matrix: whole numbers (classes, classes). The colour is the share of the row. Returns (fig, ax).

    Raises ValueError if the matrix is not square. Chapter: 5.2
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"the matrix has shape {matrix.shape}; it must be square")
    n = len(matrix)
    labels = [str(label) for label in (range(n) if labels is None else labels)]
    fig, ax = _axes(ax, height=min(6.2, 1.4 + 0.42 * n), width=min(WIDTH, 2.0 + 0.48 * n))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(n, n):
        if matrix[row, column]:
            ax.text(
                column,
                row,
                f"{matrix[row, column]:g}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if share[row, column] > 0.55 else "black",
                fontweight="normal" if row == column else "bold",
            )
    ax.set_xticks(range(n), labels)
    ax.set_yticks(range(n), labels)
    ax.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="#d0d4d9", linewidth=0.6)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="heard", ylabel="said", title=title)
    return fig, ax


def per_group(groups, values, intervals=None, ax=None, xlabel=None, title=None, line=None):
    """One bar per group (speaker, fold, …) with its interval and its value.

    groups: n texts; values: (n,); intervals: (n, 2), lower and upper bound, or None. line: a value
    to mark, such as chance. Values are written with as many decimals as the largest needs for three
    digits, more where a small one would vanish; thousands are grouped. Returns (fig, ax).

    Raises ValueError for lists of different lengths. Chapter: 5.2
    """
    groups, values = [str(g) for g in groups], np.asarray(values, dtype=float)
    if values.shape != (len(groups),):
        raise ValueError(f"{len(groups)} groups, but values of shape {values.shape}")
    errors = None
    if intervals is not None:
        bounds = np.asarray(intervals, dtype=float)
        if bounds.shape != (len(groups), 2):
            raise ValueError(f"intervals has shape {bounds.shape}, not ({len(groups)}, 2)")
        errors = np.maximum(0, np.stack([values - bounds[:, 0], bounds[:, 1] - values]))
    fig, ax = _axes(ax, height=0.9 + 0.32 * len(groups))
    places = np.arange(len(groups))[::-1]
    ax.barh(places, values, height=0.62, color="#9ecae1", edgecolor=PALETTE[0])
    if errors is not None:
        ax.errorbar(values, places, xerr=errors, fmt="none", ecolor="black", capsize=3)
    ends = values if errors is None else values + errors[1]
    reach = max(float(np.max(ends)), 0.0) - min(float(np.min(values)), 0.0)
    for place, text, end in zip(places, _written(values), ends, strict=True):
        ax.text(max(end, 0) + 0.012 * reach, place, text, va="center", fontsize=9)
    if reach >= 1000:
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.locator_params(axis="x", nbins=6)  # such long numbers need room
    if line is not None:
        ax.axvline(line, color="black", linestyle=":", linewidth=1.2)
    ax.set_yticks(places, groups)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)
    ax.set(xlabel=xlabel, title=title)
    return fig, ax


def _written(values):
    """The values as texts that belong together: common decimals, thousands grouped."""
    sizes = np.abs(values[np.isfinite(values)])
    largest = float(np.max(sizes, initial=0.0))
    sizes = sizes[sizes > 1e-9 * largest]  # anything smaller is a zero that was rounded

    def decimals(size, digits):
        return max(0, digits - 1 - math.floor(math.log10(size)))

    common = 0
    if len(sizes) and not np.allclose(sizes, np.round(sizes), rtol=1e-12, atol=1e-9 * largest):
        common = decimals(largest, 3)
        common = max(common, min(2, decimals(float(np.min(sizes)), 1)))

    def text(value):
        own = decimals(abs(value), 1) if np.isfinite(value) and abs(value) in sizes else 0
        written = f"{value:,.{max(common, own)}f}"
        return written.lstrip("-") if not value or not written.strip("-0.") else written

    return [text(value).replace("-", "−") for value in values]


def calibration(confidence, correct, bins=10, title=None):
    """A reliability diagram above the histogram of confidences.

    confidence: (n,) in [0, 1], what the model claimed; correct: (n,) bool, what was true. On the
    diagonal, a claim of 80 % is right 80 times in 100. Bars are 95 % Wilson intervals. Returns
    (fig, array of two axes).

    Raises ValueError for different lengths or confidences outside [0, 1]. Chapter: 5.2
    Source: [wilson1927probable] for the interval.
    """
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
    if confidence.ndim != 1 or confidence.shape != correct.shape or not len(confidence):
        raise ValueError(f"confidence {confidence.shape} and correct {correct.shape} must be (n,)")
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise ValueError("confidence must lie in [0, 1]: give probabilities, not logits")
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    fig, (top, bottom) = subplots(
        2, 1, height=4.6, width=5.2, sharex=True, gridspec_kw={"height_ratios": (3, 1)}
    )
    top.plot([0, 1], [0, 1], color="black", linestyle=":", linewidth=1.2, label="calibrated")
    used = np.flatnonzero(counts)
    claimed = np.array([confidence[place == b].mean() for b in used])
    right = np.array([correct[place == b].mean() for b in used])
    low, high = _wilson(right, counts[used])
    top.errorbar(
        claimed,
        right,
        yerr=np.maximum(0, [right - low, high - right]),
        color=PALETTE[0],
        marker="o",
        capsize=3,
        linewidth=1.2,
        label="this model",
    )
    top.set(ylabel="share correct", ylim=(-0.02, 1.04), title=title)
    top.legend(loc="upper left")
    bottom.bar((np.arange(bins) + 0.5) / bins, counts, width=0.9 / bins, color="#9ecae1")
    for b in used:
        bottom.annotate(
            str(counts[b]), ((b + 0.5) / bins, counts[b]), ha="center", va="bottom", fontsize=9
        )
    bottom.set(xlabel="confidence", ylabel="clips", xlim=(0, 1))
    bottom.margins(y=0.3)
    return fig, np.array([top, bottom])


def _wilson(share, n, z=1.959964):
    """Wilson's 95 % interval of a share of n: (low, high)."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return middle - half, middle + half


def forest(differences, interval=None, threshold=None, ax=None, xlabel=None, title=None):
    """Paired differences, one dot per unit, their mean with its interval, and the threshold.

    differences: {unit: difference}, or a `Verdict`, which brings interval and threshold along.
    interval: (low, high) of the mean. threshold: where the claim begins to hold, drawn dashed.
    Returns (fig, ax).

    Raises ValueError if there is no difference to draw. Chapter: 5.1
    """
    if hasattr(differences, "comparison"):
        claim = differences
        differences = claim.values
        interval = interval or (None if claim.low is None else (claim.low, claim.high))
        threshold = claim.threshold if threshold is None else threshold
        xlabel = xlabel or f"{claim.comparison} ({claim.metric_unit})"
    if not differences:
        raise ValueError("there are no differences to draw: give {unit: difference}")
    names = [str(name) for name in differences]
    values = np.array(list(differences.values()), dtype=float)
    fig, ax = _axes(ax, height=1.2 + 0.3 * (len(names) + 1))
    places = np.arange(len(names), 0, -1)
    ax.axvline(0, color="#767b82", linewidth=1)
    if threshold is not None:
        ax.axvline(threshold, color=PALETTE[1], linestyle="--", linewidth=1.4)
        ax.annotate(
            f"{threshold:g}",
            (threshold, 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
            color="#a84a00",
        )
    ax.plot(values, places, "o", color=PALETTE[0])
    mean = values.mean()
    if interval is not None:
        ax.plot(interval, [0, 0], color="black", linewidth=3, solid_capstyle="butt")
    ax.plot([mean], [0], "D", color="black", markersize=7)
    ax.axhline(0.5, color="#d0d4d9", linewidth=0.8)
    ax.set_yticks([*places, 0], [*names, "mean"])
    ax.set_ylim(-0.7, len(names) + 0.7)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)
    ax.set(xlabel=xlabel)
    if title:
        ax.set_title(title, pad=16 if threshold is not None else None)
    return fig, ax


def dots(methods, units, ax=None, xlabel=None, title=None):
    """Compare methods unit by unit: a row per unit, a marker per method, joined by a line.

    methods: {name: values (n,)}; units: n texts, such as speakers. Returns (fig, ax).

    Raises ValueError where a method does not have one value per unit. Chapter: 5.2
    """
    units = [str(unit) for unit in units]
    columns = {name: np.asarray(values, dtype=float) for name, values in methods.items()}
    for name, values in columns.items():
        if values.shape != (len(units),):
            raise ValueError(f"{name!r} has shape {values.shape}; there are {len(units)} units")
    if not columns or not units:
        raise ValueError("give at least one method and one unit")
    fig, ax = _axes(ax, height=1.2 + 0.32 * len(units))
    places = np.arange(len(units))[::-1]
    table = np.stack(list(columns.values()))
    ax.hlines(places, table.min(axis=0), table.max(axis=0), color="#b4bac2", linewidth=1.5)
    for i, (name, values) in enumerate(columns.items()):
        style = {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)]}
        ax.plot(values, places, linestyle="none", markersize=7, label=name, **style)
    ax.set_yticks(places, units)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(units) - 0.4)
    ax.grid(axis="x", color="#e3e6ea")
    ax.set(xlabel=xlabel)
    fig.legend(loc="outside upper right", ncols=len(columns), fontsize=9, frameon=False)
    if title:
        ax.set_title(title)
    return fig, ax


# --- music -------------------------------------------------------------------------------------


def piano_roll(pitches, ax=None, title=None, seconds_per_step=0.125):
    """A piece as bars: time to the right, pitch upwards, one colour and edge per voice.

    pitches: int (T, voices) or (T,), MIDI pitches with −1 where a voice is silent. A pitch that is
    held over several steps is one bar. Four voices are called soprano, alto, tenor and bass.
    Returns (fig, ax).

    Raises ValueError for pitches that are not a piece, or without a single note. Chapter: 1.1
    """
    from helpers.music import note_name, notes

    found = notes(pitches)
    if not found:
        raise ValueError("there is not one note in these pitches: every step is −1")
    steps = len(pitches)
    fig, ax = _axes(ax, height=3.2)
    count = 1 + max(voice for voice, *_ in found)
    parts = np.shape(pitches)[1] if np.ndim(pitches) == 2 else 1
    names = ("soprano", "alto", "tenor", "bass")
    for voice in range(count):
        own = [(start, end, pitch) for v, start, end, pitch in found if v == voice]
        if not own:
            continue
        start, end, pitch = np.array(own).T
        ax.barh(
            pitch,
            (end - start) * seconds_per_step,
            left=start * seconds_per_step,
            height=1.3 - 0.2 * (voice % 4),  # thinner: both show where two voices meet
            color=PALETTE[voice % len(PALETTE)],
            edgecolor="white",
            linewidth=0.4,
            label=names[voice] if parts == 4 else f"voice {voice + 1}",
        )
    low, high = min(p for *_, p in found), max(p for *_, p in found)
    marks = [p for p in range(low - low % 12, high + 13) if p % 12 in (0, 7) and p <= 127]
    inside = [p for p in marks if low - 1 <= p <= high + 1] or [low]
    ax.set_yticks(inside, [note_name(p) for p in inside])
    ax.set(xlim=(0, steps * seconds_per_step), ylim=(low - 1.2, high + 1.2))
    ax.set(xlabel="time (s)", ylabel="pitch", title=title)
    ax.grid(axis="y", color="#e3e6ea")
    if parts > 1:
        handles, labels = ax.get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper right", ncols=parts, fontsize=9)
    return fig, ax
