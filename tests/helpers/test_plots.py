"""Figures: what they draw, that they take bad input badly on purpose, and how they reach a page."""

import base64
import gzip
import io
import re

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

from helpers import plots
from helpers.errors import AudioEmpty, AudioNotFinite
from helpers.features import FrontEnd, log_mel

ALT = "A figure that is there to be tested."
FRONT_END = FrontEnd()
RNG = np.random.default_rng(0)
CHORD = np.array([[72, 67, 64, 48]] * 4 + [[71, 67, 62, 55]] * 4)
NOISE = (0.1 * RNG.standard_normal(4000)).astype(np.float32)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def picture(shown):
    (image,) = shown.elements("img")
    kind, data = re.fullmatch(r"data:image/([\w+]+);base64,(.*)", image["src"]).groups()
    assert kind in ("png", "webp", "svg+xml")
    return image, base64.b64decode(data)


def draw_all():
    claim = type(
        "Claim",
        (),
        {
            "comparison": "a − b",
            "metric_unit": "points",
            "values": {"theo": 3.0, "lucas": 9.0},
            "low": 1.0,
            "high": 11.0,
            "threshold": 5.0,
        },
    )()
    chances = RNG.uniform(size=300)
    history = {"loss": [2, 1], "val_loss": [2, 1.5], "accuracy": [0.5, 0.8]}
    yield plots.waveform(NOISE, 8000, title="noise")
    yield plots.waveform(np.tile(NOISE, 10), 8000)
    yield plots.spectrogram(log_mel(NOISE, FRONT_END), FRONT_END, title="noise")
    yield plots.curves(history, title="two epochs")
    yield plots.confusion(np.eye(10, dtype=int) * 30 + 1)
    yield plots.per_group(["a", "b"], [90, 80], [(85, 95), (70, 90)], line=10, xlabel="accuracy")
    yield plots.calibration(chances, RNG.uniform(size=300) < chances)
    yield plots.forest(claim, title="two speakers")
    yield plots.dots({"naive": [60, 50], "sound": [90, 95]}, ["a", "b"], title="two")
    yield plots.piano_roll(CHORD, title="a chord", seconds_per_step=0.25)
    yield plots.piano_roll([60, 60, -1, 67])


def test_every_figure_is_legible_and_light(shown):
    for fig, _ in draw_all():
        fig.canvas.draw()
        scale = 7.0 / max(fig.get_size_inches()[0], 7.0)
        texts = [t for t in fig.findobj(matplotlib.text.Text) if t.get_text().strip()]
        assert texts
        assert min(t.get_fontsize() for t in texts) * scale >= 9
        plots.show(fig, alt=ALT)
        _, content = picture(shown)
        assert len(gzip.compress(content)) < 25_000
        shown.clear()
    assert not plt.get_fignums()


def test_figures_are_drawn_into_given_axes():
    fig, (left, right) = plots.subplots(1, 2)
    assert plots.waveform(NOISE, 8000, ax=left) == (fig, left)
    assert plots.spectrogram(log_mel(NOISE, FRONT_END), FRONT_END, ax=right) == (fig, right)
    assert plots.confusion(np.eye(3), ax=left) == (fig, left)
    assert plots.per_group(["a"], [1], ax=left) == (fig, left)
    assert plots.forest({"a": 1.0}, ax=left) == (fig, left)
    assert plots.dots({"m": [1]}, ["a"], ax=right) == (fig, right)


# --- on the page ------------------------------------------------------------------------------


def test_show_carries_the_text_and_the_size(shown):
    fig, _ = plots.waveform(NOISE, 8000)
    plots.show(fig, alt='Noise, "white" & <loud>.', caption="With $n = 4000$ samples.")
    image, _ = picture(shown)
    assert image["alt"] == 'Noise, "white" & <loud>.'
    assert (image["width"], image["height"]) == ("700", "190")
    assert image["loading"] == "lazy"
    assert r"\(n = 4000\)" in shown.html
    assert shown.plain.startswith("[figure: Noise")
    assert not plt.get_fignums()


def test_lines_are_drawn_and_pictures_are_painted(shown):
    fig, ax = plots.subplots()
    ax.plot([0, 1], [0, 1])
    ax.set(xlabel="time (s)")
    plots.show(fig, alt=ALT)
    image, drawing = picture(shown)
    assert image["src"].startswith("data:image/svg+xml")
    assert (image["width"], image["height"]) == ("700", "290")
    assert b">time (s)</text>" in drawing
    assert b"Verdana" in drawing
    shown.clear()
    fig, ax = plots.subplots()
    ax.set(xlabel="$x^2$")
    plots.show(fig, alt=ALT)
    scales = [float(x) for x in re.findall(rb"scale\(([\d.]+)", picture(shown)[1])]
    assert scales
    assert min(scales) > 0, "letters of no size"
    shown.clear()
    fig, _ = plots.spectrogram(log_mel(NOISE, FRONT_END), FRONT_END)
    plots.show(fig, alt=ALT)
    image, painting = picture(shown)
    assert "svg" not in image["src"]
    with Image.open(io.BytesIO(painting)) as opened:
        assert opened.size == (1008, int(2.7 * 144))


def test_what_is_written_on_a_drawing_is_left_as_it_is():
    fig, ax = plots.subplots()
    ax.plot([0, 1], [2.34567, 3.45678])
    ax.text(0.5, 2.5, "2.571 nats")
    drawing = plots._drawing(fig).decode()
    assert ">2.571 nats<" in drawing
    assert not re.search(r'd="[^"]*\b[1-9]\d*\.\d{3}', drawing)


def test_the_same_figure_gives_the_same_bytes(shown):
    for _ in range(2):
        plots.show(plots.waveform(NOISE, 8000)[0], alt=ALT)
    assert shown[0] == shown[1]


@pytest.mark.parametrize("alt", ["", "   ", None, "plot", "figures/confusion_matrix.png"])
def test_a_figure_without_words_is_refused(shown, alt):
    fig, _ = plots.waveform(NOISE, 8000)
    with pytest.raises(ValueError, match="for those who cannot see it"):
        plots.show(fig, alt=alt)
    with pytest.raises(TypeError):
        plots.show(fig)


# --- what is drawn ----------------------------------------------------------------------------


def test_waveform_spans_the_sound():
    _, ax = plots.waveform(NOISE, 8000)
    assert ax.get_xlim() == (0, 0.5)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), NOISE)


def test_spectrogram_puts_frequencies_where_they_are():
    t = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    values = log_mel(tone, FRONT_END)
    _, ax = plots.spectrogram(values, FRONT_END)
    ticks = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert ticks["1000"] == pytest.approx(values.mean(axis=0).argmax(), abs=0.6)
    assert ax.images[0].get_array().shape == values.T.shape
    low, high = ax.images[0].get_clim()
    assert high == pytest.approx(values.max())
    assert low >= high - 80


def test_spectrogram_of_silence_and_with_limits():
    silence = log_mel(np.zeros(1000, np.float32), FRONT_END)
    plots.spectrogram(silence, FRONT_END)
    _, ax = plots.spectrogram(silence, FRONT_END, limits=(-80, 0), bar=False)
    assert ax.images[0].get_clim() == (-80, 0)


def test_confusion_writes_its_counts():
    _, ax = plots.confusion([[5, 1], [0, 7]], labels=["no", "yes"])
    assert sorted(t.get_text() for t in ax.texts) == ["1", "5", "7"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["no", "yes"]


def test_calibration_of_a_model_that_is_always_sure():
    _, (top, bottom) = plots.calibration(np.ones(10), np.arange(10) < 8)
    assert [t.get_text() for t in bottom.texts] == ["10"]
    (line,) = [ln for ln in top.lines if len(ln.get_xdata()) == 1 and ln.get_marker() == "o"]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (1.0, 0.8)


def test_wilson_interval_known_by_hand():
    # 8 of 10: (0.8 + 0.19207) / 1.38415 ± …, as tabulated
    low, high = plots._wilson(np.array([0.8]), np.array([10]))
    assert (low[0], high[0]) == pytest.approx((0.4901, 0.9433), abs=1e-4)


def test_forest_draws_units_mean_and_threshold():
    fig, ax = plots.forest({"theo": 3.0, "lucas": 9.0}, interval=(1, 11), threshold=5)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["theo", "lucas", "mean"]
    assert [6.0] in [list(line.get_xdata()) for line in ax.lines]
    assert "5" in [t.get_text() for t in ax.texts]
    plt.close(fig)


def test_a_history_object_or_a_dict():
    history = type("History", (), {"history": {"loss": [1.0], "val_loss": [2.0]}})()
    _, axes = plots.curves(history)
    assert len(axes) == 1
    assert len(axes[0].lines) == 2


def test_epochs_count_from_one_and_accuracy_is_drawn_in_percent():
    _, (loss, accuracy) = plots.curves({"loss": [2, 1], "accuracy": [0.5, 0.75], "val_loss": []})
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy (%)")
    assert len(loss.lines) == 1
    np.testing.assert_array_equal(accuracy.lines[0].get_xydata(), [[1, 50], [2, 75]])


def test_the_books_own_history_is_drawn_over_its_steps():
    from helpers.training import History

    history = History([100, 200, 250], [2.0, 1.0, 0.8], [200, 250], [0.5, 0.75])
    _, (loss, accuracy) = plots.curves(history)
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("step", "loss (nats)")
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("step", "accuracy (%)")
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[100, 2], [200, 1], [250, 0.8]])
    np.testing.assert_array_equal(accuracy.lines[0].get_xydata(), [[200, 50], [250, 75]])
    assert [t.get_text() for t in accuracy.get_legend().get_texts()] == ["validation"]
    _, axes = plots.curves(History([100], [2.0]))
    assert [ax.get_ylabel() for ax in axes] == ["loss (nats)"]
    with pytest.raises(ValueError, match="none of"):
        plots.curves(History())


def test_curves_over_given_places():
    history = {"loss": [3, 2, 1], "val_loss": [2]}
    _, (ax,) = plots.curves({"loss": [3, 2, 1]}, x=[10, 20, 30], xlabel="step")
    assert ax.get_xlabel() == "step"
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [10, 20, 30])
    _, (ax,) = plots.curves(history, x={"loss": [10, 20, 30], "val_loss": [30]}, xlabel="clip")
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [30])


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([90, 80], ["90", "80"]),
        ([100 * 0.29, 71.0], ["29", "71"]),  # 28.999999999999996
        ([99.53, 80], ["99.5", "80.0"]),
        ([2_064_512, 1290, 320], ["2,064,512", "1,290", "320"]),
        ([2064.512, 9.216, 0.32], ["2,064.5", "9.2", "0.3"]),
        ([0.125, 0.5], ["0.125", "0.500"]),
        ([0.5, 0.00004], ["0.500", "0.00004"]),
        ([-12.34, 0.0, -1e-17], ["−12.3", "0.0", "0.0"]),
        ([-1500, 2], ["−1,500", "2"]),
        ([0.0], ["0"]),
        ([1.0, float("nan")], ["1", "nan"]),
    ],
)
def test_per_group_writes_numbers_that_can_be_read(values, texts):
    assert plots._written(np.asarray(values, dtype=float)) == texts
    if np.all(np.isfinite(values)):
        _, ax = plots.per_group(range(len(values)), values)
        assert [t.get_text() for t in ax.texts] == texts


def test_the_axis_of_large_values_is_written_out():
    fig, ax = plots.per_group(["a", "b"], [2_064_512, 320])
    fig.canvas.draw()
    assert "1,000,000" in [t.get_text() for t in ax.get_xticklabels()]
    assert not ax.xaxis.get_offset_text().get_text()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.curves({"lr": [1]}), "none of"),
        (lambda: plots.curves({"loss": []}), "none of"),
        (lambda: plots.curves({"loss": [1]}, x=[5]), "xlabel"),
        (lambda: plots.curves({"loss": [1]}, x=[5, 6], xlabel="step"), "loss has 1 numbers"),
        (lambda: plots.curves({"loss": [1]}, x={}, xlabel="step"), "shape"),
        (lambda: plots.curves({"accuracy": [50, 75]}), "fractions"),
        (lambda: plots.confusion(np.zeros((2, 3))), "square"),
        (lambda: plots.spectrogram(np.zeros((5, 7)), FRONT_END), "shape"),
        (lambda: plots.spectrogram(np.zeros((0, 40)), FRONT_END), "shape"),
        (lambda: plots.per_group(["a"], [1, 2]), "groups"),
        (lambda: plots.per_group(["a"], [1], [(1, 2, 3)]), "intervals"),
        (lambda: plots.calibration([1.2], [True]), "probabilities"),
        (lambda: plots.calibration([0.2], [True, False]), "must be"),
        (lambda: plots.calibration([], []), "must be"),
        (lambda: plots.forest({}), "no differences"),
        (lambda: plots.dots({"a": [1, 2]}, ["x"]), "units"),
        (lambda: plots.dots({}, []), "at least one"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_waveform_checks_its_sound():
    with pytest.raises(AudioEmpty):
        plots.waveform(np.zeros(0), 8000)
    with pytest.raises(AudioNotFinite):
        plots.waveform(np.array([np.nan]), 8000)


def test_the_palette_has_a_marker_for_each_colour():
    assert len(plots.PALETTE) == len(plots.MARKERS) == len(set(plots.MARKERS))


def test_a_held_note_is_one_bar():
    pitches = [[72, -1], [72, 60], [74, 60], [74, 62]]
    fig, ax = plots.piano_roll(pitches, seconds_per_step=0.5)
    bars = [(b.get_x(), b.get_width(), b.get_y() + b.get_height() / 2) for b in ax.patches]
    assert bars == [
        (0, 1.0, pytest.approx(72)),
        (1, 1.0, pytest.approx(74)),
        (0.5, 1.0, pytest.approx(60)),
        (1.5, 0.5, pytest.approx(62)),
    ]
    assert ax.get_xlim() == (0, 2)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["C4", "G4", "C5"]
    plt.close(fig)
    with pytest.raises(ValueError, match="not one note"):
        plots.piano_roll([[-1, -1]])
    assert not plt.get_fignums()
