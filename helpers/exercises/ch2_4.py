"""Exercises of chapter 2.4, The pipeline."""

import numpy as np

from helpers.audio import Sound, resample, rms
from helpers.exercises import Exercise, Wrong, array, close, function, number
from helpers.pipeline import (
    Answer,
    Numbers,
    NumbersIn,
    OneOf,
    Pipeline,
    PipelineError,
    SoundAt,
    Stage,
)

# --- 2.4.1 ---------------------------------------------------------------------------------------


def check_needed(answer):
    needed = number(answer, "the accuracy that each stage needs")
    if needed > 1:
        raise Wrong("Give a fraction from 0 to 1, not a percentage.")
    if close(needed, 0.9**5, rtol=2e-3):
        raise Wrong(
            "That is how good five stages of 0.9 are together. The question is the reverse."
        )
    if close(needed, 1 - 0.1 / 5, rtol=1e-5):
        raise Wrong(
            "Sharing the errors out evenly, a fifth for each, is a good approximation, but the "
            "accuracies multiply. What number to the fifth power is 0.9?"
        )
    if not close(needed, 0.9 ** (1 / 5), rtol=1e-4):
        raise Wrong("If each stage is right with probability p, all five are with p⁵.")
    return "Sharing out the errors, $1 - 0.1/5$, comes close, because they are small."


def solve_needed():
    """Independent stages that are each right with probability $p$ are all right with $p^5$, so
    $p = 0.9^{1/5}$. One error in fifty is what a chain of five allows each stage if the whole may
    err once in ten."""
    return 0.9 ** (1 / 5)


# --- 2.4.2 ---------------------------------------------------------------------------------------


def check_decibels(answer):
    to_decibels = function(answer)
    power = np.array([[1.0, 0.01, 0.0], [1e-3, 100.0, 1e-12], [1.0, 1.0, 2e-7]], np.float32)
    before = power.copy()
    with np.errstate(divide="ignore"):
        given = to_decibels(Numbers(power, "power"))
    if not isinstance(given, Numbers):
        raise Wrong("Give back `Numbers`, so that the next stage can see the unit.")
    if given.unit != "dB":
        raise Wrong(f"The values were converted, but they still call themselves {given.unit!r}.")
    values = np.asarray(given.values, float)
    if values.shape != power.shape:
        raise Wrong("Give back one level for each power.")
    if not np.all(np.isfinite(values)):
        raise Wrong("Silence has the power 0, whose logarithm is not finite. Set a floor first.")
    if close(values[0, 1], -40):
        raise Wrong("20 log₁₀ is for amplitudes; these are powers.")
    if close(values[0, 1], np.log(0.01)):
        raise Wrong("That is the natural logarithm. Decibels are ten times the common one.")
    if not close(values[:2, :2], [[0, -20], [-30, 20]], rtol=1e-4, atol=1e-3):
        raise Wrong("A power of 0.01 is −20 dB and one of 100 is +20 dB.")
    if not close(values[[0, 1], [2, 2]], [-70, -70], rtol=1e-4):
        raise Wrong("Powers below $10^{-7}$ count as $10^{-7}$, which is −70 dB.")
    if not close(values[2, 2], 10 * np.log10(2e-7), rtol=1e-4):
        raise Wrong("$2\\cdot10^{-7}$ lies above the floor and stays: raise to it, add nothing.")
    if not np.array_equal(power, before):
        raise Wrong("Your function changed the array that it was given. Make a new one.")


def solve_decibels(numbers):
    """Three things change: the values, their unit, and nothing else. The floor stands where that of
    the front end does, so that silence is quiet and not minus infinity."""
    levels = 10 * np.log10(np.maximum(numbers.values, 1e-7))
    return Numbers(levels, "dB")


def _twenty(numbers):
    return Numbers(20 * np.log10(np.maximum(numbers.values, 1e-7)), "dB")


def _same_unit(numbers):
    return Numbers(10 * np.log10(np.maximum(numbers.values, 1e-7)), numbers.unit)


def _added(numbers):
    return Numbers(10 * np.log10(numbers.values + 1e-7), "dB")


def _in_place(numbers):
    numbers.values[numbers.values < 1e-7] = 1e-7
    return Numbers(10 * np.log10(numbers.values), "dB")


def _no_floor(numbers):
    return Numbers(10 * np.log10(numbers.values), "dB")


# --- 2.4.3 ---------------------------------------------------------------------------------------


def check_resampler(answer):
    make = function(answer)
    stage = make(16000, 8000)
    if not isinstance(stage, Stage):
        raise Wrong("Give back a `Stage`: a name, a function, what it takes and what it gives.")
    if (stage.takes, stage.gives) == (SoundAt(8000), SoundAt(16000)):
        raise Wrong("What it takes and what it gives are exchanged.")
    if (stage.takes, stage.gives) != (SoundAt(16000), SoundAt(8000)):
        raise Wrong(f"From 16000 to 8000 Hz it takes {stage.takes} and gives {stage.gives}?")
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
    try:
        half = stage.run(Sound(0.5 * tone, 16000))
    except PipelineError as error:
        raise Wrong(f"The stage does not keep its own promise: {error}") from None
    if len(half.samples) != 8000:
        raise Wrong(f"One second at 8000 Hz has 8000 samples, not {len(half.samples)}.")
    if not close(rms(half.samples), rms(0.5 * tone), rtol=0.02):
        raise Wrong("The level changed: resampling keeps it.")
    crossings = np.sum(np.diff(np.signbit(half.samples)))
    if abs(crossings - 880) > 8:
        raise Wrong("440 Hz came out as another frequency. Use `helpers.audio.resample`.")
    high = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000).astype(np.float32)
    if rms(stage.run(Sound(high, 16000)).samples) > 0.05:
        raise Wrong(
            "A tone of 6000 Hz came through as an alias. Samples must not only be left out: use "
            "`helpers.audio.resample`."
        )
    back = make(8000, 16000)
    if (back.takes, back.gives) != (SoundAt(8000), SoundAt(16000)):
        raise Wrong("It only works from 16000 to 8000 Hz. Use `from_rate` and `to_rate`.")
    try:
        double = back.run(half)
    except PipelineError as error:
        raise Wrong(f"From 8000 to 16000 Hz it does not keep its promise: {error}") from None
    if len(double.samples) != 16000:
        raise Wrong(f"One second at 16000 Hz has 16000 samples, not {len(double.samples)}.")


def solve_resampler(from_rate, to_rate):
    """The contract is the point: a stage that takes sound at one rate and gives it at another can
    stand between two that would not fit, and nowhere else."""

    def convert(sound):
        return Sound(resample(sound.samples, from_rate, to_rate), to_rate)

    return Stage("resample", convert, SoundAt(from_rate), SoundAt(to_rate))


def _only_the_label(from_rate, to_rate):
    def convert(sound):
        return Sound(sound.samples, to_rate)

    return Stage("resample", convert, SoundAt(from_rate), SoundAt(to_rate))


def _every_other(from_rate, to_rate):
    def convert(sound):
        return Sound(sound.samples[:: from_rate // to_rate].copy(), to_rate)

    return Stage("resample", convert, SoundAt(from_rate), SoundAt(to_rate))


def _fixed_rates(from_rate, to_rate):
    return solve_resampler(16000, 8000)


def _exchanged(from_rate, to_rate):
    return solve_resampler(to_rate, from_rate)


# --- 2.4.4 ---------------------------------------------------------------------------------------


def check_chain(answer):
    chain = function(answer)
    for first, after_right, after_wrong in ((0.8, 0.9, 0.3), (1.0, 0.7, 0.1), (0.5, 0.4, 0.4)):
        whole = number(chain(first, after_right, after_wrong), "the accuracy of the chain")
        right = first * after_right + (1 - first) * after_wrong
        if first == 0.8 and close(whole, first * after_right):
            raise Wrong("That is the product. A wrong first stage can still end well: how often?")
        if first == 0.8 and close(whole, first * after_right + after_wrong):
            raise Wrong("The last case only arises when the first stage *was* wrong. How often?")
        if not 0 <= whole <= 1:
            raise Wrong(f"{whole:g} is no probability.")
        if not close(whole, right):
            raise Wrong("Two cases: the first stage is right, or it is wrong. Weigh them.")


def solve_chain(first, after_right, after_wrong):
    """The law of total probability. The product $ab$ is the whole truth only if $c = 0$, and if $b$
    was measured on what the first stage gives when it is right."""
    return first * after_right + (1 - first) * after_wrong


def _product(first, after_right, after_wrong):
    return first * after_right


def _unweighted(first, after_right, after_wrong):
    return first * after_right + after_wrong


# --- 2.4.5 ---------------------------------------------------------------------------------------


def _example():
    rng = np.random.default_rng(5)
    rate = 8000
    kind = NumbersIn("level", 4, rows=20)

    def scale(sound):
        peak = max(float(np.abs(sound.samples).max()), 1e-9)
        return Sound((sound.samples / peak).astype(np.float32), sound.sample_rate)

    def levels(sound):
        framed = sound.samples[: 20 * 400].reshape(20, 4, 100)
        return Numbers(np.sqrt((framed**2).mean(axis=2)), "level")

    def loud(numbers):
        share = float(numbers.values[5:10].mean() > numbers.values[:5].mean())
        return Answer(("quiet", "loud")[int(share)], np.array([1 - share, share]))

    line = Pipeline(
        "example",
        Stage("preprocess", scale, SoundAt(rate), SoundAt(rate)),
        Stage("features", levels, SoundAt(rate), kind),
        Stage("recognise", loud, kind, OneOf(("quiet", "loud"))),
    )
    samples = (0.3 * rng.standard_normal(rate)).astype(np.float32)
    samples[2000:4000] *= 3
    sound = Sound(samples, rate)
    return line, sound, line.run(sound, trace=True)


def check_blame(answer):
    blame = function(answer)
    line, sound, good = _example()
    twice = line.run(Sound(1.7 * sound.samples, 8000), trace=True)
    if blame(good, line.run(sound, trace=True)) is not None:
        raise Wrong("Two equal runs: nothing is to blame, so give back `None`.")
    if blame(good, twice) is not None:
        raise Wrong("The first stage takes the level out, so nothing differs here, up to rounding.")
    faults = {
        "preprocess": lambda s: Sound(s.samples[::-1].copy(), s.sample_rate),
        "features": lambda n: Numbers(n.values + 0.2, n.unit),
        "recognise": lambda a: Answer(("loud", "quiet")[a.name == "loud"], a.probabilities[::-1]),
    }
    for name, fault in faults.items():
        original = line[name].function
        broken = line.replace(name, function=lambda v, f=fault, o=original: f(o(v)))
        found = blame(good, broken.run(sound, trace=True))
        if found is None:
            raise Wrong(f"The stage {name!r} was broken, and your function found no difference.")
        if not isinstance(found, str):
            raise Wrong(f"Give back the name of the stage, such as {name!r}, not {found!r}.")
        if found != name:
            raise Wrong(
                f"The stage {name!r} was broken, your function blames {found!r}. Everything "
                "*behind* a broken stage may differ too: which is the first?"
            )
    shifted = line.replace("preprocess", function=lambda s: Sound(s.samples * 0.5, s.sample_rate))
    if blame(good, shifted.run(sound, trace=True)) != "preprocess":
        raise Wrong("A stage that gave the same shape with other values was not noticed.")


def solve_blame(expected, found):
    """Compare stage by stage, and stop at the first that differs by more than rounding. What the
    comparison looks at depends on the kind: samples, numbers, or the answer's name."""
    for one, other in zip(expected, found, strict=True):
        if isinstance(one.value, Answer):
            same = one.value.name == other.value.name
        else:
            a, b = one.value[0], other.value[0]
            same = a.shape == b.shape and np.allclose(a, b, atol=1e-5)
        if not same:
            return one.name
    return None


def _last(expected, found):
    names = [a.name for a, b in zip(expected, found, strict=True) if not _equal(a, b)]
    return names[-1] if names else None


def _only_answers(expected, found):
    same = expected[-1].value.name == found[-1].value.name
    return None if same else expected[-1].name


def _place_of(expected, found):
    name = solve_blame(expected, found)
    return name and [step.name for step in expected].index(name)


def _exactly(expected, found):
    for a, b in zip(expected, found, strict=True):
        if not _equal(a, b, 0):
            return a.name
    return None


def _equal(a, b, atol=1e-5):
    if isinstance(a.value, Answer):
        return a.value.name == b.value.name
    return np.allclose(a.value[0], b.value[0], rtol=0, atol=atol)


# --- 2.4.6 ---------------------------------------------------------------------------------------


def check_own(answer):
    if not isinstance(answer, Pipeline):
        raise Wrong("A `Pipeline` is needed: stages with names, and what they take and give.")
    if not answer.checked:
        raise Wrong("The contracts are switched off. Build it with them.")
    if len(answer.stages) < 4:
        raise Wrong(f"It has {len(answer.stages)} stages; the four of this chapter are the least.")
    first, last = answer.stages[0].takes, answer.stages[-1].gives
    if not isinstance(first, SoundAt):
        raise Wrong(f"It begins with {first}. Let it listen: begin with sound.")
    if not isinstance(last, SoundAt):
        raise Wrong(f"It ends with {last}. Let it answer: end with sound.")
    kinds = [stage.gives for stage in answer.stages]
    if not any(isinstance(kind, OneOf) for kind in kinds):
        raise Wrong("Nowhere is there an answer, `OneOf` several names.")
    rng = np.random.default_rng(0)
    n = first.sample_rate
    t = np.arange(n) / n
    trials = {
        "a low tone": 0.3 * np.sin(2 * np.pi * 150 * t),
        "a high tone": 0.3 * np.sin(2 * np.pi * 0.3 * n * t),
        "noise": 0.1 * rng.standard_normal(n),
        "clicks": np.where(np.arange(n) % (n // 4) == 0, 0.9, 0.0),
    }
    answers = set()
    for name, samples in trials.items():
        try:
            trace = answer.run(Sound(samples.astype(np.float32), n), trace=True)
        except PipelineError as error:
            raise Wrong(f"It stumbled over a second of {name}: {error}") from None
        array(trace.value.samples, (None,), f"what it answers to {name}")
        answers |= {step.value.name for step in trace if isinstance(step.value, Answer)}
    if len(answers) < 2:
        raise Wrong(
            "A low tone, a high tone, noise and clicks all got the same answer. What would tell "
            "two of them apart?"
        )
    return f"It told {len(answers)} kinds of sound apart: {', '.join(sorted(answers))}."


def solve_own():
    """A machine that tells low sounds from high ones and answers in kind. *Preprocess* cuts out one
    second, *features* measure the spectrum's centre of gravity in hertz, *recognise* compares it
    with a line, and *generate* plays a low or a high note. Every stage can be replaced by a
    better one without touching the others."""
    rate = 8000
    names = ("low", "high")

    def one_second(sound):
        samples = np.zeros(rate, np.float32)
        samples[: len(sound.samples)] = sound.samples[:rate]
        return Sound(samples, rate)

    def centre(sound):
        power = np.abs(np.fft.rfft(sound.samples)) ** 2
        hertz = np.fft.rfftfreq(rate, 1 / rate)
        return Numbers(np.array([[power @ hertz / max(power.sum(), 1e-12)]]), "Hz")

    def compare(numbers):
        high = 1 / (1 + np.exp((1000 - numbers.values[0, 0]) / 200))
        return Answer(names[int(high > 0.5)], np.array([1 - high, high]))

    def play(answer):
        hertz = {"low": 220, "high": 880}[answer.name]
        t = np.arange(rate // 2) / rate
        return Sound((0.3 * np.sin(2 * np.pi * hertz * t)).astype(np.float32), rate)

    return Pipeline(
        "low or high",
        Stage("preprocess", one_second, SoundAt(rate), SoundAt(rate)),
        Stage("features", centre, SoundAt(rate), NumbersIn("Hz", 1, rows=1)),
        Stage("recognise", compare, NumbersIn("Hz", 1, rows=1), OneOf(names)),
        Stage("generate", play, OneOf(names), SoundAt(rate)),
    )


def _no_sound():
    return solve_own().upto("recognise")


def _no_contracts():
    return solve_own().unchecked()


def _always_low():
    return solve_own().replace("recognise", function=lambda _: Answer("low", np.array([1.0, 0.0])))


EXERCISES = (
    Exercise(
        id="2.4.1",
        title="How good each stage must be",
        check=check_needed,
        hints=(
            "If each of five independent stages is right with probability p, how often are all?",
            "Solve $p^5 = 0.9$.",
        ),
        solution=solve_needed,
        wrong_answers=((0.9**5, "the reverse"), (0.98, "a good approximation"), (98.0, "fraction")),
    ),
    Exercise(
        id="2.4.2",
        title="A converter between two units",
        asks="function",
        check=check_decibels,
        hints=(
            "Decibels of a power are ten times its common logarithm.",
            "Raise everything to the floor with `np.maximum` before you take the logarithm.",
            'The result is a new `Numbers` with the unit `"dB"`.',
        ),
        solution=solve_decibels,
        wrong_answers=(
            (_twenty, "for amplitudes"),
            (_same_unit, "still call themselves"),
            (_no_floor, "not finite"),
            (_added, "add nothing"),
            (_in_place, "Make a new one"),
        ),
    ),
    Exercise(
        id="2.4.3",
        title="A stage that fits in between",
        asks="function",
        check=check_resampler,
        hints=(
            "Inside, define a function that takes a `Sound` and gives a new one.",
            "`helpers.audio.resample(samples, from_rate, to_rate)` does the work; the new `Sound` "
            "must carry the new rate.",
        ),
        solution=solve_resampler,
        wrong_answers=(
            (_only_the_label, "8000 samples"),
            (_every_other, "alias"),
            (_exchanged, "exchanged"),
            (_fixed_rates, "only works from"),
        ),
    ),
    Exercise(
        id="2.4.4",
        title="When the product is not the whole truth",
        asks="function",
        check=check_chain,
        hints=(
            "Draw a tree: the first stage is right or wrong, and then the second is.",
            "How often does each of the two branches occur, and how often does it end well?",
        ),
        solution=solve_chain,
        wrong_answers=((_product, "still end well"), (_unweighted, "*was* wrong")),
    ),
    Exercise(
        id="2.4.5",
        title="Which stage is to blame",
        asks="function",
        check=check_blame,
        hints=(
            "A trace is a tuple of steps in order; each has `name` and `value`.",
            "`value[0]` is the array of a `Sound` and of `Numbers`; an `Answer` has `name`.",
            "Compare with a tolerance: `np.allclose(a, b, atol=1e-5)`.",
        ),
        solution=solve_blame,
        wrong_answers=(
            (_last, "which is the first"),
            (_only_answers, "found no difference"),
            (_exactly, "up to rounding"),
            (_place_of, "the name of the stage"),
        ),
    ),
    Exercise(
        id="2.4.6",
        title="Project: a listening machine of your own",
        check=check_own,
        hints=(
            "Begin with the answers: which two or three sounds should it tell apart?",
            "One number can be enough: loudness, zero crossings, the spectrum's centre of gravity.",
            "Write the four contracts first; the functions then almost write themselves.",
        ),
        solution=solve_own,
        wrong_answers=(
            (_no_sound, "stages"),
            (_no_contracts, "switched off"),
            (_always_low, "the same answer"),
        ),
    ),
)
