"""Explorers: sliders that change a figure and a sound, on a page without a kernel too."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from helpers import _html
from helpers.listen.assets import bring, building
from helpers.listen.encoding import audio_element, credit_line

MOST_STATES = 60


@dataclass(frozen=True)
class Control:
    """One slider: its name, the values it stops at, where it starts, and how they are written.

    values: two or more, of any kind that `compute` takes. start: one of them, by default the first.
    unit: written behind a value. labels: how the values are written, by default `f"{value:g}"` for
    numbers and the text itself otherwise.

    Raises ValueError if that does not fit together. Chapter: 2.1
    """

    name: str
    values: Sequence
    start: object = None
    unit: str = ""
    labels: Sequence[str] | None = None

    def __post_init__(self):
        values = list(self.values)
        if not str(self.name).strip():
            raise ValueError("a control needs a name: say what its slider changes")
        if len(values) < 2:
            raise ValueError(f"the control {self.name!r} has {len(values)} values, not two or more")
        if self.start is not None and self.start not in values:
            raise ValueError(f"the control {self.name!r} cannot start at {self.start!r}: {values}")
        if self.labels is not None and len(self.labels) != len(values):
            raise ValueError(
                f"the control {self.name!r} has {len(values)} values and {len(self.labels)} labels"
            )

    @property
    def first(self):
        """Place of the starting value among the values."""
        return 0 if self.start is None else list(self.values).index(self.start)

    def written(self, place):
        """The value at a place as text, with its unit."""
        if self.labels is not None:
            return str(self.labels[place])
        value = list(self.values)[place]
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        text = f"{value:g}" if number else str(value)
        return f"{text} {self.unit}".strip()


@dataclass(frozen=True)
class State:
    """What there is to see and hear at one setting of the sliders.

    alt: what the figure (or the sound, without one) shows, in a sentence. figure: matplotlib's, or
    None. samples: float (n,) or None, at sample_rate. text: a line of Markdown with the state's
    numbers.

    Raises ValueError without an alternative text, without figure and samples, or for samples
    without their rate. Chapter: 2.1
    """

    alt: str
    figure: object = None
    samples: object = None
    sample_rate: int | None = None
    text: str = ""

    def __post_init__(self):
        if len(" ".join(str(self.alt or "").split())) < 15:
            raise ValueError(f"alt is {self.alt!r}: say in a sentence what this state shows")
        if self.figure is None and self.samples is None:
            raise ValueError("a state needs a figure or samples")
        if self.samples is not None and self.sample_rate is None:
            raise ValueError("a state with samples needs their sample_rate")


def explorer(
    compute: Callable[..., State],
    controls: Sequence[Control],
    title: str,
    credit=None,
    *,
    encoding="lossless",
):
    """Show sliders over states, each with its figure and its sound.

    compute: called with one value per control, returns a `State`. controls: one or two `Control`s.
    When the site is built every state is computed beforehand, at most 60 of them, so that the page
    needs no kernel. Run live, the same call gives widgets that compute a state when asked.

    Raises ValueError for no control or more than two, for too many states, or without a title;
    TypeError if `compute` returns something else than a `State`.

    Chapter: 2.1
    """
    controls = list(controls)
    if not 1 <= len(controls) <= 2:
        raise ValueError(f"{len(controls)} controls: an explorer has one or two")
    if not str(title or "").strip():
        raise ValueError("an explorer needs a title: say what the sliders explore")
    places = list(itertools.product(*(range(len(c.values)) for c in controls)))
    if len(places) > MOST_STATES:
        raise ValueError(f"{len(places)} states are too many for a page: at most {MOST_STATES}")
    show = _static if building() else _live
    show(compute, controls, places, title, credit, encoding)


def _state(compute, controls, place):
    values = [list(c.values)[i] for c, i in zip(controls, place, strict=True)]
    state = compute(*values)
    if not isinstance(state, State):
        raise TypeError(
            f"compute{tuple(values)} returned {type(state).__name__}; it has to return a State"
        )
    return state


def _named(controls, place):
    return ", ".join(f"{c.name}: {c.written(i)}" for c, i in zip(controls, place, strict=True))


def _body(state, label, encoding):
    """Figure, line of text and sound of one state, as HTML."""
    parts = []
    if state.figure is not None:
        parts.append(_figure(state))
    if state.text:
        parts.append(f'<p class="lm-state__text">{_html.inline(state.text)}</p>')
    if state.samples is not None:
        parts.append(audio_element(state.samples, state.sample_rate, label, encoding))
    return "".join(parts)


def _figure(state):
    from helpers import plots

    return _html.picture(*plots.small_picture(state.figure), state.alt)


def _static(compute, controls, places, title, credit, encoding):
    start = tuple(c.first for c in controls)
    states, rows = "", ""
    for place in places:
        state = _state(compute, controls, place)
        hidden = "" if place == start else " hidden"
        states += (
            f'<div class="lm-state" data-at="{",".join(map(str, place))}"{hidden}>'
            f"{_body(state, f'{title}, {_named(controls, place)}', encoding)}</div>"
        )
        cells = "".join(
            f"<td>{_html.escape(c.written(i))}</td>" for c, i in zip(controls, place, strict=True)
        )
        rows += f"<tr>{cells}<td>{_html.inline(state.text or state.alt)}</td></tr>"
    sliders = "".join(_slider(c) for c in controls)
    head = "".join(f'<th scope="col">{_html.escape(c.name)}</th>' for c in controls)
    table = (
        f'<table class="lm-states"><thead><tr>{head}<th scope="col">What there is</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    folded = _html.details("All settings as text", f'<div class="lm-table">{table}</div>')
    _html.display(
        f'<figure class="lm-player lm-explorer" data-lm="explorer" '
        f'aria-label="{_html.escape(title)}" style="margin:0.4rem 0;padding:0">'
        f"<figcaption>{_html.inline(str(title))}</figcaption>"
        f'<div class="lm-controls" hidden>{sliders}</div><div class="lm-stage">{states}</div>'
        f"{folded}</figure>{credit_line(credit)}",
        f"[explorer: {title}: {len(places)} states]",
    )


def _slider(control):
    written = [control.written(i) for i in range(len(control.values))]
    options = "|".join(text.replace("|", "/") for text in written)
    return (
        f'<label class="lm-control"><span>{_html.escape(control.name)}</span>'
        f'<input type="range" min="0" max="{len(written) - 1}" step="1" value="{control.first}" '
        f'aria-valuetext="{_html.escape(written[control.first])}" '
        f'data-written="{_html.escape(options)}">'
        f"<output>{_html.escape(written[control.first])}</output></label>"
    )


def _live(compute, controls, places, title, credit, encoding):
    import ipywidgets
    from IPython.display import HTML, display

    sliders = [
        ipywidgets.SelectionSlider(
            options=[(c.written(i), i) for i in range(len(c.values))],
            value=c.first,
            description=c.name,
            continuous_update=False,
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="min(100%, 34rem)"),
        )
        for c in controls
    ]
    output = ipywidgets.Output()

    def page():
        place = tuple(slider.value for slider in sliders)
        state = _state(compute, controls, place)
        body = _body(state, f"{title}, {_named(controls, place)}", encoding)
        return HTML(f'{bring()}<div class="lm-player" data-lm="player">{body}</div>')

    def moved(_):
        with output:
            output.clear_output(wait=True)
            display(page())

    for slider in sliders:
        slider.observe(moved, names="value")
    heading = ipywidgets.HTML(f"<strong>{_html.inline(str(title))}</strong>")
    below = ipywidgets.HTML(credit_line(credit))
    first = page()
    with output:
        display(first)
    display(ipywidgets.VBox([heading, *sliders, output, below]))
