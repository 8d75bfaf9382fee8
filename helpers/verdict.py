"""Claims and their verdicts: what was said beforehand, what was measured, what follows.

A claim names its metric, its comparison, the smallest effect that matters and what replicates
(speakers, folds, pieces) before anything is run. The measurement gives one number per replicate,
the numbers an interval, and the interval the outcome. Nothing here asserts that a claim holds; a
cell fails only when the outcome is not the one on record, so that a change is noticed.
Chapter: 2.5
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from helpers import _html

MIME = "application/vnd.listening-machines.claim+json"

HOLDS = "holds"
HOLDS_IF = "holds only if"
FAILS = "does not hold"
UNDECIDED = "undecided"
OUTCOMES = (HOLDS, HOLDS_IF, FAILS, UNDECIDED)
DIRECTIONS = ("greater", "less", "equivalent")

BOOTSTRAP_RESAMPLES = 10_000

_LOOK = {
    HOLDS: ("✓", "Holds", "holds", _html.GOOD),
    HOLDS_IF: ("◐", "Holds only if …", "conditional", _html.NEUTRAL),
    FAILS: ("✗", "Does not hold here", "fails", _html.BAD),
    UNDECIDED: ("?", "Undecided", "undecided", _html.HALF),
}
_SOURCES = {
    "fsdd": "human recordings (FSDD)",
    "esc10": "recordings of ESC-10",
    "jsb": "the JSB chorales",
    "coffee": "recorded coffee orders",
    "machines": "machines made up by this book",
    "wake": "recorded wake words",
    "voices": "synthetic speech, heard by a recogniser trained on people (FSDD)",
    "builtin": "built-in voices, sounds and scores",
}


class VerdictChanged(AssertionError):
    """The outcome of a claim is not the one on record for this data source."""


@dataclass(frozen=True)
class Verdict:
    """One claim, its measurement and its outcome; what `verdict` returns.

    `effect`, `low`, `high`: mean and interval over the units, in `metric_unit`; the bounds are
    None where there is no interval. `threshold`: where the claim begins to hold, for
    `direction="equivalent"` the middle of the `tolerance` on either side. `values`: one per unit.

    Chapter: 2.5
    """

    id: str
    claim: str
    metric: str
    metric_unit: str
    comparison: str
    direction: str
    threshold: float
    tolerance: float | None
    paired: bool
    unit: str
    n: int
    values: dict
    confidence: float
    method: str
    effect: float
    low: float | None
    high: float | None
    outcome: str
    condition: str | None = None
    reason: str | None = None
    source: str | None = None
    expected: str | None = None
    on_record: dict = field(default_factory=dict)
    afterwards: str | None = None

    @property
    def agrees(self):
        """True or False as the outcome is the one on record, None if none is."""
        return None if self.expected is None else self.outcome == self.expected

    def data(self):
        """The verdict as a JSON-like dict, as the claims ledger reads it."""
        rounded = {
            name: _rounded(value) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        rounded["values"] = {name: _rounded(value) for name, value in self.values.items()}
        return {
            "schema": 1,
            **rounded,
            "agrees": self.agrees,
            "measured_text": self.measured(),
        }

    def measured(self):
        """The measurement in words: effect, unit, interval, number of units."""
        text = f"{_number(self.effect, _decimals(self), self.paired)} {self.metric_unit}"
        over = f"over {self.n} {_plural(self.unit, self.n)}"
        if self.low is None:
            return f"{text} {over}, no interval"
        low, high = (_number(bound, _decimals(self)) for bound in (self.low, self.high))
        return f"{text}, {100 * self.confidence:g} % interval [{low}, {high}] {over}"

    def when(self):
        """Whether the rule was written beforehand, in words."""
        if self.afterwards is None:
            return "Written beforehand: "
        return f"Decided after results had been seen, {self.afterwards}: "

    def rule(self):
        """When the claim holds, in words."""
        signed = self.paired
        if self.direction == "equivalent":
            low = _line(self.threshold - self.tolerance, signed)
            high = _line(self.threshold + self.tolerance, signed)
            place = f"between {low} and {high}"
        else:
            side = "above" if self.direction == "greater" else "below"
            place = f"{side} {_line(self.threshold, signed)}"
        return f"it holds if the whole interval lies {place} {self.metric_unit}"

    def text(self):
        """The verdict as lines of plain text."""
        icon, words, _, _ = _LOOK[self.outcome]
        lines = [
            f"[{icon}] {self.id}: {words}",
            f"    Claim:      {self.claim}",
            f"    Measured:   {self.comparison}, {self.metric}: {self.measured()}",
            f"    {self.when()}{self.rule()}.",
        ]
        lines += [f"    {note}" for note in self._notes()]
        return "\n".join(lines)

    def html(self):
        """The verdict as a box of HTML."""
        icon, words, css, colour = _LOOK[self.outcome]
        measured = self.measured().replace(" %", "\N{NO-BREAK SPACE}%")
        head = (
            '<div style="display:flex;flex-wrap:wrap;gap:0.2rem 1rem;'
            'justify-content:space-between;align-items:baseline">'
            f'<span style="font-size:0.85em;color:{_html.MUTED}">Verdict '
            f'<code style="color:inherit;background:none;padding:0;border:0">'
            f"{_html.escape(self.id)}</code></span>"
            f'<strong style="white-space:nowrap"><span aria-hidden="true" style="color:{colour};'
            f'font-size:1.15em">{icon}</span> {words}</strong></div>'
        )
        body = [
            head,
            _html.paragraph(f"<strong>{_html.inline(self.claim)}</strong>"),
            _html.paragraph(
                f"{_html.inline(self.comparison)}, {_html.inline(self.metric)}: "
                f'<strong class="lm-verdict-measured">{_html.escape(measured)}</strong>'
            ),
            _ruler(self, colour),
            _html.paragraph(_html.escape(self.when() + self.rule()) + ".", small=True),
        ]
        body += [_html.paragraph(_html.inline(note), small=True) for note in self._notes()]
        return _html.box(
            "".join(body),
            colour=colour,
            classes=f"lm-verdict lm-verdict--{css}",
            label=f"Verdict {self.id}: {words}",
        )

    def _notes(self):
        notes = []
        if self.outcome == HOLDS_IF:
            notes.append(f"Holds only if {self.condition}.")
        if self.reason:
            notes.append(self.reason)
        data = f"Data: {_SOURCES.get(self.source, self.source)}." if self.source else ""
        if self.expected is None:
            record = "No outcome is on record for this data."
        elif self.agrees:
            record = "As on record."
        else:
            record = f"On record for this data: {self.expected}. This run says otherwise."
        notes.append(f"{data} {record}".strip())
        others = {s: o for s, o in self.on_record.items() if s != self.source}
        different = [f"{_SOURCES.get(s, s)}: {o}" for s, o in others.items() if o != self.outcome]
        if different:
            notes.append(f"Another outcome is on record for other data ({'; '.join(different)}).")
        return notes

    def _ipython_display_(self):
        """Nothing: `verdict` has shown the box already."""


def verdict(
    id,
    *,
    claim,
    metric,
    comparison,
    unit,
    differences=None,
    smallest_effect=None,
    values=None,
    threshold=None,
    direction="greater",
    expect=None,
    source=None,
    confidence=0.95,
    method="t",
    bounds=None,
    condition=None,
    afterwards=None,
):
    """Compute the verdict on a claim, show it in a box, and hold it against the record.

    id: chapter, hyphen, name: `"5.1-split"`; unique in the book.
    metric: what is measured and, after the last comma, its unit: `"accuracy, percentage points"`.
    comparison: what is compared: `"random split − held-out speaker"`.
    unit: what replicates: `"speaker"`, `"fold"`, `"piece"`.

    Either differences between pairs, one per unit, and the `smallest_effect` that matters (≥ 0, in
    the metric's unit), or plain `values`, one per unit, and a `threshold`. Both may be a mapping
    from the unit's name to its number. The claim is that their mean is

    - `direction="greater"`: above `smallest_effect` (or `threshold`),
    - `direction="less"`: below −`smallest_effect` (or `threshold`),
    - `direction="equivalent"`: within ±`smallest_effect` of zero (or of `threshold`).

    It holds if the whole interval lies on the claim's side, does not hold if all of it lies on the
    other, and is undecided if it straddles the line or there is no interval (fewer than two units).
    `condition`: a text that turns "holds" into "holds only if …".

    method: `"t"`, Student's interval over the units; `"bootstrap"`, percentiles of the means of
    10 000 resamples with a fixed seed, for ten units or more (with fewer it is too narrow).
    bounds: (low, high), an interval that was worked out elsewhere and takes the place of
    `method`'s, such as an exact one for counts, which says more about rare events than how the
    units differ; the box says that it is not Student's.
    afterwards: a text for a claim of which a part was decided when results had been seen, such as
    `"the limit"`; the box then says so, and does not say that all was written beforehand.
    expect: {data source: outcome on record}, outcomes being `"holds"`, `"holds only if"`,
    `"does not hold"`, `"undecided"`. source: the data source of this run.

    Returns a `Verdict` (which shows nothing more if it ends a cell). Raises `VerdictChanged`, after
    the box, if the outcome is not the one on record for `source`; never while the environment
    variable LISTENING_MACHINES_SWEEP is 1. Raises ValueError for a claim that is not stated fully
    and for measurements that are empty or not finite.

    Chapter: 2.5
    Source: [student1908probable]; [efron1979bootstrap] for the bootstrap.
    """
    expect = _check_record(id, expect)
    for name, text in (("claim", claim), ("comparison", comparison), ("unit", unit)):
        if not str(text or "").strip():
            raise ValueError(f"claim {id} has no {name}: state it before the run")
    metric, metric_unit = _split_metric(metric)
    numbers, names, paired = _measurements(id, differences, values)
    middle, tolerance = _threshold(id, paired, smallest_effect, threshold, direction)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1, such as 0.95")
    if bounds is None:
        low, high = interval(numbers, confidence, method)
        reason = _reason(low, high, unit)
    else:
        low, high = _bounds(id, bounds, float(np.mean(numbers)))
        method, reason = (
            "exact",
            "The interval is the exact one for counts, worked out in the text.",
        )
    outcome = decide(low, high, middle, direction, tolerance)
    if outcome == HOLDS and condition:
        outcome = HOLDS_IF
    result = Verdict(
        id=id,
        claim=claim,
        metric=metric,
        metric_unit=metric_unit,
        comparison=comparison,
        direction=direction,
        threshold=middle,
        tolerance=tolerance,
        paired=paired,
        unit=unit,
        n=len(numbers),
        values=dict(zip(names, map(float, numbers), strict=True)),
        confidence=confidence,
        method=method,
        effect=float(np.mean(numbers)),
        low=low,
        high=high,
        outcome=outcome,
        condition=condition,
        reason=reason,
        source=source,
        expected=expect.get(source),
        on_record=expect,
        afterwards=afterwards,
    )
    _html.display(result.html(), result.text(), {MIME: result.data()})
    if result.agrees is False and os.environ.get("LISTENING_MACHINES_SWEEP") != "1":
        raise VerdictChanged(
            f"Claim {id}: on record for {source} is {result.expected!r}, but this run says "
            f"{outcome!r} ({result.measured()}). Find out what changed it: code, data or chance. "
            f"If the new outcome is right, put it on record in expect={{{source!r}: …}}."
        )
    return result


def interval(values, confidence=0.95, method="t"):
    """Interval of the mean of `values`, float (n,): (low, high), or (None, None) for n < 2.

    method: `"t"` or `"bootstrap"`, see `verdict`. Equal values give an interval without width.
    Raises ValueError for values that are not finite numbers and for an unknown method.

    Chapter: 2.5
    Source: [student1908probable]; [efron1979bootstrap] for the bootstrap.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError("an interval needs a flat list of finite numbers, one per unit")
    if method not in ("t", "bootstrap"):
        raise ValueError(f"method is {method!r}; it must be 't' or 'bootstrap'")
    n = len(values)
    if n < 2:
        return None, None
    mean = float(np.mean(values))
    if np.ptp(values) == 0:
        return mean, mean
    if method == "bootstrap":
        generator = np.random.default_rng(20240229)
        means = np.mean(generator.choice(values, (BOOTSTRAP_RESAMPLES, n)), axis=1)
        tail = (1 - confidence) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        return float(low), float(high)
    from scipy.stats import t

    half = t.ppf((1 + confidence) / 2, n - 1) * np.std(values, ddof=1) / math.sqrt(n)
    return mean - float(half), mean + float(half)


def decide(low, high, line, direction="greater", tolerance=None):
    """The outcome of a claim from its interval: the rule that every verdict in the book follows.

    low, high: the interval of the mean, None where there is none. line: where the claim begins to
    hold; for `direction="equivalent"` the middle of a band that reaches `tolerance` to each side.
    Returns "holds", "does not hold" or "undecided".

    Chapter: 2.5
    """
    if low is None:
        return UNDECIDED
    if direction == "equivalent":
        bottom, top = line - tolerance, line + tolerance
        yes, no = bottom < low and high < top, high < bottom or low > top
    elif direction == "greater":
        yes, no = low > line, high < line
    else:
        yes, no = high < line, low > line
    return HOLDS if yes else FAILS if no else UNDECIDED


def _check_record(id, expect):
    if not re.fullmatch(r"\d+\.\d+-[a-z0-9]+(?:-[a-z0-9]+)*", str(id)):
        raise ValueError(f"claim id {id!r}: use chapter, hyphen, name, such as '5.1-split'")
    expect = dict(expect or {})
    for source, outcome in expect.items():
        if outcome not in OUTCOMES:
            raise ValueError(
                f"claim {id}: the outcome on record for {source!r} is {outcome!r}; "
                f"it must be one of {', '.join(map(repr, OUTCOMES))}"
            )
    return expect


def _split_metric(metric):
    name, comma, unit = str(metric or "").rpartition(",")
    if not comma or not name.strip() or not unit.strip():
        raise ValueError(
            f"metric is {metric!r}; name it with its unit after a comma, such as "
            "'accuracy, percentage points'"
        )
    return name.strip(), unit.strip()


def _measurements(id, differences, values):
    if (differences is None) == (values is None):
        raise ValueError(
            f"claim {id}: give differences= between pairs, or values= to hold against a "
            "threshold, and not both"
        )
    paired = differences is not None
    given = differences if paired else values
    if isinstance(given, Mapping):
        names, numbers = [str(name) for name in given], list(given.values())
    else:
        numbers = given
        names = [str(i + 1) for i in range(np.size(numbers))]
    numbers = np.asarray(numbers, dtype=float)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(
            f"claim {id}: the measurements have shape {numbers.shape}; give a flat list with "
            "one number per unit"
        )
    if not np.all(np.isfinite(numbers)):
        bad = names[int(np.flatnonzero(~np.isfinite(numbers))[0])]
        raise ValueError(
            f"claim {id}: the measurement of {bad!r} is not a finite number; find out why, "
            "or leave the unit out and say so"
        )
    return numbers, names, paired


def _bounds(id, bounds, mean):
    try:
        low, high = map(float, bounds)
    except (TypeError, ValueError):
        raise ValueError(
            f"claim {id}: bounds is {bounds!r}; give two numbers, low and high"
        ) from None
    if not low <= mean <= high or not math.isfinite(high - low):
        raise ValueError(
            f"claim {id}: the bounds are {low:g} and {high:g}, the mean is {mean:g}; finite bounds "
            "with the mean between them are needed"
        )
    return low, high


def _threshold(id, paired, smallest_effect, threshold, direction):
    """Where the claim begins to hold, and the half-width of an equivalence band (or None)."""
    if direction not in DIRECTIONS:
        raise ValueError(f"claim {id}: direction is {direction!r}; it must be one of {DIRECTIONS}")
    needs_effect = paired or direction == "equivalent"
    if needs_effect and (smallest_effect is None or not smallest_effect >= 0):
        raise ValueError(
            f"claim {id}: smallest_effect is {smallest_effect!r}; state the smallest effect that "
            "matters, a number of at least 0, before the run"
        )
    if paired and threshold is not None:
        raise ValueError(f"claim {id}: paired differences have a smallest_effect, no threshold")
    if not paired and (threshold is None or not math.isfinite(threshold)):
        raise ValueError(f"claim {id}: values need a threshold, stated before the run")
    if not needs_effect and smallest_effect is not None:
        raise ValueError(f"claim {id}: values have a threshold, no smallest_effect")
    if direction == "equivalent":
        return (0.0 if paired else float(threshold)), float(smallest_effect)
    if not paired:
        return float(threshold), None
    return float(smallest_effect if direction == "greater" else -smallest_effect), None


def _reason(low, high, unit):
    if low is None:
        return f"One {unit} gives no interval: measure at least two."
    if low == high:
        return f"Every {unit} gave the same value, so the interval has no width."
    return None


# --- words and numbers -------------------------------------------------------------------------


def _rounded(value):
    return float(f"{value:.6g}")


def _decimals(v):
    """Decimals that give the half-width of the interval (or the effect) two digits, or one."""
    scale = (v.high - v.low) / 2 if v.low is not None and v.high > v.low else abs(v.effect)
    if scale == 0 or scale >= 100:
        return 0 if scale else 1
    return min(6, max(1, 1 - math.floor(math.log10(scale))))


def _number(value, decimals, signed=False):
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def _line(value, signed=False):
    value = value + 0.0  # a zero without a sign
    text = f"{value:+g}" if signed and value else f"{value:g}"
    return text.replace("-", "−")


def _plural(unit, n):
    if n == 1:
        return unit
    counted, of, what = unit.partition(" of ")
    if of:
        return _plural(counted, n) + of + what
    if re.search(r"[^aeiou]y$", unit):
        return unit[:-1] + "ies"
    return unit + ("es" if re.search(r"(?:s|x|ch|sh)$", unit) else "s")


def _ruler(v, colour):
    """The interval and the line it is held against, drawn to scale; the text says the same."""
    if v.low is None:
        return ""
    lines = [v.threshold]
    if v.tolerance is not None:
        lines = [v.threshold - v.tolerance, v.threshold + v.tolerance]
    marks = [v.low, v.high, *lines, *([0.0] if v.paired else [])]
    bottom, top = min(marks), max(marks)
    span = (top - bottom) or 1.0

    def x(value):
        return f"{20 + 360 * (value - bottom) / span:.1f}"

    drawn = ['<line x1="8" x2="392" y1="14" y2="14" stroke="currentColor" stroke-opacity="0.35"/>']
    if v.paired and 0.0 not in lines:
        drawn.append(
            f'<line x1="{x(0)}" x2="{x(0)}" y1="9" y2="19" stroke="currentColor"/>'
            f'<text x="{x(0)}" y="33" text-anchor="middle" font-size="11" '
            'fill="currentColor">0</text>'
        )
    for line in lines:
        drawn.append(
            f'<line x1="{x(line)}" x2="{x(line)}" y1="2" y2="26" stroke="currentColor" '
            f'stroke-width="1.5" stroke-dasharray="3 2"/>'
        )
        if abs(float(x(line)) - float(x(0))) > 22 or not v.paired or line == 0:
            drawn.append(
                f'<text x="{x(line)}" y="37" text-anchor="middle" font-size="11" '
                f'fill="currentColor">{_line(line)}</text>'
            )
    drawn.append(
        f'<line x1="{x(v.low)}" x2="{x(v.high)}" y1="14" y2="14" style="stroke:{colour}" '
        f'stroke-width="5" stroke-linecap="round"/>'
        f'<circle cx="{x(v.effect)}" cy="14" r="5.5" style="fill:{colour}" '
        'stroke="currentColor"/>'
    )
    return (
        '<svg viewBox="0 0 400 40" width="400" height="40" aria-hidden="true" focusable="false" '
        'style="display:block;max-width:100%;height:auto;margin:0.3rem 0">'
        f"{''.join(drawn)}</svg>"
    )
