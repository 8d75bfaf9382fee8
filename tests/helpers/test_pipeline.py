"""Pipelines: what fits, what is refused and in which words, what a trace holds."""

import numpy as np
import pytest

from helpers.audio import Sound
from helpers.errors import BadSampleRate
from helpers.pipeline import (
    Answer,
    Numbers,
    NumbersIn,
    OneOf,
    Pipeline,
    PipelineError,
    Series,
    SoundAt,
    Stage,
    StageFailed,
    StagesDoNotFit,
    Trace,
    WrongKind,
)

RATE = 8000
POWER = NumbersIn("power", 4)
NAMES = OneOf(("loud", "quiet"))


def halve(sound):
    return Sound(sound.samples * np.float32(0.5), sound.sample_rate)


def power(sound):
    return Numbers(sound.samples[: len(sound.samples) // 4 * 4].reshape(-1, 4) ** 2, "power")


def decide(numbers):
    p = float(numbers.values.mean() > 0.01)
    return Answer(("quiet", "loud")[int(p)], np.array([p, 1 - p]))


def line(**changes):
    """Three stages: samples → power in four columns → loud or quiet."""
    made = Pipeline(
        "loudness",
        Stage("preprocess", halve, SoundAt(RATE), SoundAt(RATE)),
        Stage("features", power, SoundAt(RATE), POWER),
        Stage("recognise", decide, POWER, NAMES),
    )
    for name, fields in changes.items():
        made = made.replace(name, **fields)
    return made


@pytest.fixture
def sound():
    rng = np.random.default_rng(0)
    return Sound(rng.standard_normal(800).astype(np.float32), RATE)


def test_a_run_gives_the_last_value(sound):
    assert line().run(sound).name == "loud"
    silence = Sound(np.zeros(800, np.float32), RATE)
    assert line().run(silence).name == "quiet"


def test_a_trace_holds_every_stage(sound):
    trace = line().run(sound, trace=True)
    assert isinstance(trace, Trace)
    assert [step.name for step in trace] == ["preprocess", "features", "recognise"]
    assert [step.shape for step in trace] == ["(800,)", "(200, 4)", "one name"]
    assert all(step.seconds >= 0 for step in trace)
    np.testing.assert_array_equal(trace[0].value.samples, sound.samples / 2)
    assert trace["features"] is trace[1]
    assert trace.value.name == "loud"
    with pytest.raises(KeyError, match="there are preprocess, features"):
        trace["generate"]


def test_a_trace_is_heard_where_it_can_be(sound):
    def hum(numbers):
        return Sound(np.full(10, numbers.values.mean(), np.float32), RATE)

    trace = line(features={"hear": hum}).run(sound, trace=True)
    assert trace["preprocess"].sound is trace["preprocess"].value
    assert len(trace["features"].sound.samples) == 10
    assert trace["recognise"].sound is None


def test_a_trace_is_shown_as_a_table(sound, capsys):
    line().run(sound, trace=True).show()
    shown = capsys.readouterr().out
    assert "| stage | gives | shape |" in shown
    assert "| features | numbers in power, (rows, 4) | (200, 4) |" in shown


def test_stepping_computes_only_what_is_asked_for(sound):
    ran = []

    def noted(numbers):
        ran.append("recognise")
        return decide(numbers)

    steps = line(recognise={"function": noted}).steps(sound)
    assert next(steps).name == "preprocess"
    assert next(steps).name == "features"
    assert ran == []
    assert next(steps).name == "recognise"
    assert ran == ["recognise"]


def test_it_never_changes():
    made = line()
    with pytest.raises(AttributeError, match="never changes"):
        made.stages = ()
    changed = made.replace("preprocess", function=lambda s: s)
    assert made["preprocess"].function is halve
    assert changed["preprocess"].function is not halve
    assert [s.name for s in made.upto("features").stages] == ["preprocess", "features"]
    assert len(made.stages) == 3
    assert "preprocess → features → recognise" in repr(made)


def test_pipelines_compose(sound):
    front = line().upto("features")
    back = Pipeline("back", line()["recognise"])
    assert (front >> back).run(sound).name == line().run(sound).name
    assert (front >> line()["recognise"]).run(sound).name == "loud"
    with pytest.raises(StagesDoNotFit, match=r"is no answer|are no numbers|is no sound"):
        back >> front
    with pytest.raises(PipelineError, match="a name of its own"):
        front >> front["features"]
    with pytest.raises(TypeError):
        front >> halve


@pytest.mark.parametrize(
    ("gives", "takes", "words"),
    [
        (SoundAt(16000), SoundAt(8000), "resample it from 16000 to 8000 Hz"),
        (NAMES, SoundAt(8000), "is no sound"),
        (POWER, NumbersIn("dB", 4), "convert power to dB"),
        (POWER, NumbersIn("power", 5), "4 columns are not 5"),
        (POWER, NumbersIn("power", 4, rows=3), "is not always 3"),
        (SoundAt(8000), POWER, "are no numbers"),
        (OneOf(("a", "b")), OneOf(("a", "c")), "alternatives differ, such as 'b'"),
        (OneOf(("a", "b")), OneOf(("a", "b", "c")), "alternatives differ"),
        (POWER, NAMES, "is no answer"),
        (Series(("a", "z")), Series(("a", "b")), "another thing"),
        (NAMES, Series(("a",)), "another thing"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_built(gives, takes, words):
    first, second = Stage("first", lambda x: x, POWER, gives), Stage("second", None, takes, NAMES)
    with pytest.raises(StagesDoNotFit, match=words) as raised:
        Pipeline("wrong", first, second)
    assert "'first' gives" in str(raised.value)
    assert "'second' takes" in str(raised.value)
    Pipeline("wrong", first, second, checked=False)


@pytest.mark.parametrize(
    "kind", [SoundAt(8000), POWER, NumbersIn("power", 4, rows=2), NAMES, Series(("a", "b"))]
)
def test_a_kind_fits_itself(kind):
    assert kind.misfit(kind) is None
    assert str(kind)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (SoundAt(8000), np.zeros(5, np.float32), r"a bare ndarray of shape \(5,\) says no sample"),
        (SoundAt(8000), Sound(np.zeros(5, np.float32), 16000), "resample it to 8000 Hz"),
        (SoundAt(8000), Sound(np.array([np.nan], np.float32), 8000), "no finite number"),
        (SoundAt(8000), Sound(np.zeros(5, np.int16), 8000), "whole numbers"),
        (POWER, np.zeros((2, 4)), "says no unit"),
        (POWER, Numbers(np.zeros((2, 4)), "dB"), "its unit is dB; convert it to power"),
        (POWER, Numbers(np.zeros((2, 5)), "power"), r"its shape is \(2, 5\)"),
        (POWER, Numbers(np.zeros(4), "power"), r"float64 of shape \(4,\)"),
        (POWER, Numbers(np.zeros((0, 4)), "power"), r"shape \(0, 4\)"),
        (POWER, Numbers(np.zeros((2, 4), int), "power"), "int64"),
        (POWER, Numbers(np.full((2, 4), np.inf), "power"), "not finite"),
        (NumbersIn("x", 4, rows=3), Numbers(np.zeros((2, 4)), "x"), r"its shape is \(2, 4\)"),
        (NAMES, "loud", "a bare str is no answer"),
        (NAMES, Answer("medium", np.ones(2) / 2), "'medium' is none of"),
        (NAMES, Answer("loud", np.ones(3) / 3), "its probabilities"),
        (NAMES, Answer("loud", np.ones(2)), "sum to 2"),
        (Series(("a", "b")), ("a", "z"), "'z' is none"),
        (Series(("a", "b")), (), "is no series"),
        (Series(("a", "b")), "ab", "a bare str is no series"),
        (Series(("a", "b")), Sound(np.zeros(5), 8000), "is no series"),
    ],
)
def test_a_value_of_another_kind_is_refused(kind, value, words):
    with pytest.raises(WrongKind, match=words) as raised:
        Stage("look", lambda x: x, kind, kind).run(value)
    assert "the stage 'look' takes" in str(raised.value)


def test_a_broken_promise_names_the_stage(sound):
    with pytest.raises(WrongKind, match=r"'features' promises numbers in power.*its unit is dB"):
        line(features={"function": lambda s: Numbers(power(s).values, "dB")}).run(sound)


def test_an_error_inside_names_the_stage_and_keeps_its_cause(sound):
    with pytest.raises(StageFailed, match="the stage 'features' failed: ZeroDivisionError") as e:
        line(features={"function": lambda s: 1 / 0}).run(sound)
    assert isinstance(e.value.__cause__, ZeroDivisionError)


def test_without_contracts_a_mismatch_passes(sound):
    wrong = Sound(sound.samples, 16000)
    with pytest.raises(WrongKind):
        line().run(wrong)
    assert line().unchecked().run(wrong).name == "loud"
    assert not (line() >> Pipeline("x", Stage("say", str, NAMES, NAMES), checked=False)).checked


def test_impossible_kinds_and_pipelines():
    with pytest.raises(BadSampleRate):
        SoundAt(0)
    with pytest.raises(PipelineError, match="two alternatives"):
        OneOf(("a",))
    with pytest.raises(PipelineError, match="two alternatives"):
        OneOf(("a", "a"))
    with pytest.raises(PipelineError, match="needs stages"):
        Pipeline("empty")
    with pytest.raises(KeyError, match="it has preprocess"):
        line()["nothing"]
    with pytest.raises(KeyError, match="it has preprocess"):
        line().upto("nothing")
