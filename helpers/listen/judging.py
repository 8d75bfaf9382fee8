"""A blind listening test in the page, in the manner of MUSHRA (ITU-R BS.1534).

The reader hears a reference and, under letters in a shuffled order, the systems, a hidden copy of
the reference and an anchor, and gives each a number from 0 to 100. At the end the scores stand
beside the objective metrics. Nothing leaves the page. Chapter: 2.1
"""

import json
from dataclasses import dataclass, field

import numpy as np

from helpers import _html
from helpers.errors import ShapeError
from helpers.listen.assets import bring
from helpers.listen.encoding import audio_element, credit_line, matched

REFERENCE, ANCHOR = "hidden reference", "anchor"


@dataclass(frozen=True)
class Item:
    """One sound of a listening test: the reference, the anchor, and what the systems made of it.

    reference, anchor: float (n,); systems: {name: float (n,)}, all of one length.

    Raises ShapeError for different lengths, ValueError without systems, or for a system with the
    name of the reference or the anchor. Chapter: 2.1
    """

    name: str
    reference: object
    anchor: object
    systems: dict = field(default_factory=dict)

    def __post_init__(self):
        if not self.systems:
            raise ValueError(f"the item {self.name!r} has no systems to judge")
        taken = {REFERENCE, ANCHOR} & set(self.systems)
        if taken:
            raise ValueError(f"a system of {self.name!r} is called {sorted(taken)[0]!r}")
        lengths = {np.shape(s) for s in (self.reference, self.anchor, *self.systems.values())}
        if len(lengths) > 1:
            raise ShapeError(
                f"the sounds of {self.name!r} have shapes {sorted(lengths)}; switching between "
                "them needs one length: see helpers.audio.fix_length"
            )


def listening_test(
    items, sample_rate, title, question, metrics, credit=None, *, encoding="lossless"
):
    """Show a blind listening test over `items`, with its result against objective metrics.

    items: list of `Item`, all with the same systems. question: what is to be judged, such as "How
    close is it to the reference?". metrics: {name with unit: {(item, system): number}}, one number
    for each item and system; numbers for the hidden reference and the anchor are optional.

    The levels within an item are matched. Order and letters are drawn anew in the browser whenever
    the test starts. Raises ValueError if systems differ between items, if a metric lacks a number,
    or without items, title or question; and as `player`.

    Chapter: 2.1
    """
    items = list(items)
    if not items:
        raise ValueError("a listening test needs at least one item")
    for name, text in (("title", title), ("question", question)):
        if not str(text or "").strip():
            raise ValueError(f"a listening test needs a {name}")
    systems = list(items[0].systems)
    for item in items:
        if list(item.systems) != systems:
            raise ValueError(
                f"{item.name!r} has the systems {list(item.systems)}, {items[0].name!r} {systems}"
            )
    for metric, numbers in metrics.items():
        missing = [(i.name, s) for i in items for s in systems if (i.name, s) not in numbers]
        if missing:
            raise ValueError(f"the metric {metric!r} has no number for {missing[0]}")
    blocks = "".join(_block(item, sample_rate, metrics, encoding) for item in items)
    answers = _metric_table(items, systems, metrics)
    _html.display(
        f'{bring()}<section class="lm-box lm-judge" data-lm="listening-test" '
        f'aria-label="{_html.escape(title)}" style="border:1px solid {_html.BORDER};'
        f"border-radius:0.35rem;padding:0.7rem 1rem;margin:0.6rem 0;background:{_html.CARD};"
        f'color:{_html.TEXT}"><p><strong>{_html.inline(str(title))}</strong></p>'
        f'<p class="lm-judge__question">{_html.inline(str(question))}</p>'
        f'<div class="lm-judge__items">{blocks}</div>'
        f"{_html.details('What the metrics say (after the test)', answers)}"
        f"</section>{credit_line(credit)}",
        f"[listening test: {title}: {len(items)} items, {len(systems)} systems]",
    )


def _block(item, sample_rate, metrics, encoding):
    """One item: every stimulus with its name and its metrics as data, which the script shuffles."""
    stimuli = {REFERENCE: item.reference, **item.systems, ANCHOR: item.anchor}
    sounds = matched(list(stimuli.values()))
    label, inner = f"{item.name}, a version to judge", ""
    for name, sound in zip(stimuli, sounds, strict=True):
        numbers = {
            metric: float(values[item.name, name])
            for metric, values in metrics.items()
            if (item.name, name) in values
        }
        inner += (
            f'<div class="lm-stimulus" data-system="{_html.escape(name)}" '
            f'data-metrics="{_html.escape(json.dumps(numbers))}">'
            f"{audio_element(sound, sample_rate, label, encoding)}</div>"
        )
    return f'<div class="lm-judge__item" data-item="{_html.escape(item.name)}">{inner}</div>'


def _metric_table(items, systems, metrics):
    head = "".join(f'<th scope="col">{_html.escape(metric)}</th>' for metric in metrics)
    body = ""
    for item in items:
        for system in systems:
            cells = "".join(
                f"<td>{values[item.name, system]:.3g}</td>" for values in metrics.values()
            )
            name = _html.escape(f"{item.name}, {system}")
            body += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    return (
        f'<div class="lm-table"><table><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
