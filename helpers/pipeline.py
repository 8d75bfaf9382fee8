"""A pipeline: named stages in a row, each of which says what it takes and what it gives.

What flows from stage to stage is a value that says itself what it is: a `helpers.audio.Sound`
knows its sample rate, `Numbers` know their unit, an `Answer` its alternatives. A *kind* is the
contract for such values: `SoundAt(8000)`, `NumbersIn("dB", columns=40)`, `OneOf(("yes", "no"))`.
Kinds of neighbours are compared when a pipeline is put together, values when it runs, so that a
mismatch is an error with a name and never only a bad result. Chapter: 2.4
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from helpers import _html
from helpers.audio import Sound, check_rate, check_samples
from helpers.errors import AudioError


class PipelineError(ValueError):
    """A pipeline is put together wrongly, or something in it went wrong. Chapter: 2.4"""


class StagesDoNotFit(PipelineError):
    """What one stage gives is not what the next one takes. Raised before any sound is touched."""


class WrongKind(PipelineError):
    """A value is not what a stage takes, or not what it promised to give."""


class StageFailed(PipelineError):
    """A stage raised an error of its own; it is the cause of this one."""


# --- what flows --------------------------------------------------------------------------------


class Numbers(NamedTuple):
    """Numbers that say what they measure: `values`, float (rows, columns), and their `unit`."""

    values: np.ndarray
    unit: str


class Answer(NamedTuple):
    """What a recogniser says: the `name` and its probabilities, float (alternatives,)."""

    name: str
    probabilities: np.ndarray


@dataclass(frozen=True)
class SoundAt:
    """The kind of a `Sound` at one sample rate: float32 samples (n,), finite.

    Raises BadSampleRate for a rate that is none. Chapter: 2.4
    """

    sample_rate: int

    def __post_init__(self):
        check_rate(self.sample_rate)

    def __str__(self):
        return f"sound at {self.sample_rate} Hz"

    def shape(self, value):
        return f"({len(value.samples)},)"

    def fault(self, value):
        """Why `value` is not of this kind, or None."""
        if not isinstance(value, Sound):
            return f"{_named(value)} says no sample rate; pass a Sound(samples, sample_rate)"
        if value.sample_rate != self.sample_rate:
            return f"it is at {value.sample_rate} Hz; resample it to {self.sample_rate} Hz"
        try:
            check_samples(value.samples)
        except AudioError as error:
            return str(error)
        return None

    def misfit(self, given):
        """Why values of the kind `given` are not of this kind, or None."""
        if not isinstance(given, SoundAt):
            return f"{given} is no sound"
        if given.sample_rate != self.sample_rate:
            return f"resample it from {given.sample_rate} to {self.sample_rate} Hz in between"
        return None


@dataclass(frozen=True)
class NumbersIn:
    """The kind of `Numbers` in one unit: float (rows, columns), finite.

    unit: what a number means, such as "dB". columns: how many. rows: how many, or None for any.

    Chapter: 2.4
    """

    unit: str
    columns: int
    rows: int | None = None

    def __str__(self):
        rows = "rows" if self.rows is None else self.rows
        return f"numbers in {self.unit}, ({rows}, {self.columns})"

    def shape(self, value):
        return str(np.shape(value.values))

    def fault(self, value):
        """Why `value` is not of this kind, or None."""
        if not isinstance(value, Numbers):
            return f"{_named(value)} says no unit; pass Numbers(values, {self.unit!r})"
        if value.unit != self.unit:
            return f"its unit is {value.unit}; convert it to {self.unit}"
        values = np.asarray(value.values)
        if values.dtype.kind != "f" or values.ndim != 2 or len(values) == 0:
            return f"its values are {values.dtype} of shape {values.shape}"
        if values.shape[1] != self.columns or self.rows not in (None, len(values)):
            return f"its shape is {values.shape}"
        if not np.all(np.isfinite(values)):
            return "it holds a number that is not finite"
        return None

    def misfit(self, given):
        """Why values of the kind `given` are not of this kind, or None."""
        if not isinstance(given, NumbersIn):
            return f"{given} are no numbers"
        if given.unit != self.unit:
            return f"convert {given.unit} to {self.unit} in between"
        if given.columns != self.columns:
            return f"{given.columns} columns are not {self.columns}"
        if self.rows not in (None, given.rows):
            return f"any number of rows is not always {self.rows}"
        return None


@dataclass(frozen=True)
class OneOf:
    """The kind of an `Answer` with these alternatives. Raises PipelineError for fewer than two."""

    names: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        if len(set(self.names)) != len(self.names) or len(self.names) < 2:
            raise PipelineError("an answer needs two alternatives or more, each named once")

    def __str__(self):
        return f"one of {len(self.names)} names"

    def shape(self, value):
        return "one name"

    def fault(self, value):
        """Why `value` is not of this kind, or None."""
        if not isinstance(value, Answer):
            return f"{_named(value)} is no answer; pass Answer(name, probabilities)"
        if value.name not in self.names:
            return f"{value.name!r} is none of {', '.join(self.names[:6])} …"
        p = np.asarray(value.probabilities)
        if p.shape != (len(self.names),) or not np.isclose(p.sum(), 1, atol=1e-3):
            return f"its probabilities, {p.shape}, sum to {p.sum():.3g}"
        return None

    def misfit(self, given):
        """Why values of the kind `given` are not of this kind, or None."""
        if not isinstance(given, OneOf):
            return f"{given} is no answer"
        extra = [name for name in given.names if name not in self.names]
        if extra or len(given.names) != len(self.names):
            return f"the alternatives differ, such as {(extra or self.names)[0]!r}"
        return None


@dataclass(frozen=True)
class Series:
    """The kind of a tuple of names, one after the other, each from `names`. Chapter: 2.4"""

    names: tuple[str, ...]

    def __str__(self):
        return f"a series from {len(self.names)} names"

    def shape(self, value):
        return f"{len(value)} names"

    def fault(self, value):
        """Why `value` is not of this kind, or None."""
        if type(value) is not tuple or not value:
            return f"{_named(value)} is no series; pass a tuple of names"
        strange = [name for name in value if name not in self.names]
        return f"{strange[0]!r} is none of its names" if strange else None

    def misfit(self, given):
        """Why values of the kind `given` are not of this kind, or None."""
        if not isinstance(given, Series) or not set(given.names) <= set(self.names):
            return f"{given} is another thing than {self}"
        return None


def _named(value):
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"a bare {type(value).__name__}{shape}"


# --- stages and pipelines ----------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """One stage: `function(value)` turns a value of the kind `takes` into one of the kind `gives`.

    hear: makes a `Sound` of what the stage gives, or None where it has no sound; a stage that
    gives sound is heard as it is.

    Chapter: 2.4
    """

    name: str
    function: Callable
    takes: object
    gives: object
    hear: Callable | None = None

    def run(self, value, checked=True):
        """The stage's result for one value; kinds are checked unless `checked` is False.

        Raises WrongKind, or StageFailed with the stage's own error as its cause. Chapter: 2.4
        """
        if checked:
            self._check(self.takes, value, "takes", "was given something else")
        try:
            result = self.function(value)
        except Exception as error:
            shown = f"{type(error).__name__}: {error}"
            raise StageFailed(f"the stage {self.name!r} failed: {shown}") from error
        if checked:
            self._check(self.gives, result, "promises", "gave something else")
        return result

    def sound(self, value):
        """What the stage gave as a `Sound`, or None if it cannot be heard. Chapter: 2.4"""
        if self.hear is not None:
            return self.hear(value)
        return value if isinstance(value, Sound) else None

    def _check(self, kind, value, verb, what):
        fault = kind.fault(value)
        if fault:
            raise WrongKind(f"the stage {self.name!r} {verb} {kind}, but {what}: {fault}")


@dataclass(frozen=True)
class Step:
    """What one stage did: its name, what it gave, of which kind and shape, in how many seconds."""

    stage: Stage
    value: object
    seconds: float

    @property
    def name(self):
        return self.stage.name

    @property
    def shape(self):
        return self.stage.gives.shape(self.value)

    @property
    def sound(self):
        """What there is to hear, a `Sound` or None."""
        return self.stage.sound(self.value)


class Trace(tuple):
    """The steps of a run, in order; `trace["features"]` is the step of that name. Chapter: 2.4"""

    __slots__ = ()

    def __getitem__(self, which):
        if isinstance(which, str):
            for step in self:
                if step.name == which:
                    return step
            raise KeyError(f"no stage {which!r}; there are {', '.join(s.name for s in self)}")
        return super().__getitem__(which)

    @property
    def value(self):
        """What the last stage gave."""
        return self[-1].value

    def show(self):
        """Show the run as a table: stage, kind, shape, time, and whether it can be heard."""
        rows = [
            f"| {s.name} | {s.stage.gives} | {s.shape} | {1000 * s.seconds:.1f} ms "
            f"| {'yes' if s.sound else 'no'} |"
            for s in self
        ]
        head = "| stage | gives | shape | time | can be heard |\n|---|---|---|---|---|"
        _html.display_markdown("\n".join([head, *rows]))


class Pipeline:
    """Stages in a row. It never changes: every method that would change it gives a new one.

    Pipeline(name, stage, …, checked=True): raises StagesDoNotFit if a stage does not take what the
    one before it gives, PipelineError for no stages or for names that occur twice. checked=False
    switches both the comparison of kinds and the inspection of values off.

    Chapter: 2.4
    """

    __slots__ = ("checked", "name", "stages")

    def __init__(self, name, *stages, checked=True):
        names = [stage.name for stage in stages]
        if not stages or len(set(names)) != len(names):
            raise PipelineError(f"a pipeline needs stages, each with a name of its own: {names}")
        for before, after in itertools.pairwise(stages):
            misfit = after.takes.misfit(before.gives)
            if checked and misfit:
                raise StagesDoNotFit(
                    f"{before.name!r} gives {before.gives}, {after.name!r} takes {after.takes}: "
                    f"{misfit}"
                )
        for slot, value in zip(self.__slots__, (checked, name, tuple(stages)), strict=True):
            object.__setattr__(self, slot, value)

    def __setattr__(self, name, value):
        raise AttributeError("a pipeline never changes: use replace, upto or >> to make another")

    def __repr__(self):
        return f"<Pipeline {self.name}: {' → '.join(stage.name for stage in self.stages)}>"

    def __getitem__(self, name):
        """The stage of that name; raises KeyError with the names that there are."""
        return self.stages[self._place(name)]

    def _place(self, name):
        names = [stage.name for stage in self.stages]
        if name not in names:
            raise KeyError(f"{self.name} has no stage {name!r}; it has {', '.join(names)}")
        return names.index(name)

    def steps(self, value):
        """Step through: yields a `Step` per stage, computed when it is asked for.

        Raises WrongKind or StageFailed at the stage that is to blame. Chapter: 2.4
        """
        for stage in self.stages:
            start = time.perf_counter()
            value = stage.run(value, self.checked)
            yield Step(stage, value, time.perf_counter() - start)

    def run(self, value, trace=False):
        """What the last stage gives for `value`; with trace=True the `Trace` of all stages.

        Raises as `steps`. Chapter: 2.4
        """
        done = Trace(self.steps(value))
        return done if trace else done.value

    def upto(self, name):
        """The pipeline that ends with the stage `name`. Chapter: 2.4"""
        return Pipeline(self.name, *self.stages[: self._place(name) + 1], checked=self.checked)

    def replace(self, name, **changes):
        """The pipeline with fields of one stage changed, such as `replace("features", function=f)`.

        Raises as the pipeline does when it is made. Chapter: 2.4
        """
        at = self._place(name)
        changed = replace(self.stages[at], **changes)
        stages = (*self.stages[:at], changed, *self.stages[at + 1 :])
        return Pipeline(self.name, *stages, checked=self.checked)

    def unchecked(self):
        """The same stages without contracts. Chapter: 2.4"""
        return Pipeline(self.name, *self.stages, checked=False)

    def __rshift__(self, other):
        """`first >> second`: one pipeline with the stages of both, or with one `Stage` more."""
        if isinstance(other, Stage):
            other = Pipeline(other.name, other)
        if not isinstance(other, Pipeline):
            return NotImplemented
        checked = self.checked and other.checked
        name = f"{self.name}, {other.name}"
        return Pipeline(name, *self.stages, *other.stages, checked=checked)
