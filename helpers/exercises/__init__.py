'''Exercises that answer back: `check`, `hint` and `solution`.

One file per chapter, `ch5_2.py` for chapter 5.2, holds a tuple EXERCISES. Each exercise has a check
that raises `Wrong` with advice, hints from gentle to plain, a solution whose source is what readers
see, and typical wrong answers with a piece of the advice that each must get. The contract tests run
all of it. A template:

```python
"""Exercises of chapter 0.1."""

import numpy as np

from helpers.exercises import Exercise, Wrong, array, close, function, number


def check_duration(answer, *, samples, sample_rate):
    seconds = number(answer, "the duration")
    if close(seconds, len(samples)):
        raise Wrong("You counted samples. How many of them make up one second?")
    if not close(seconds, len(samples) / sample_rate):
        raise Wrong("Divide the number of samples by the number of samples in a second.")


def solve_duration(samples, sample_rate):
    """A sound of $n$ samples at rate $r$ lasts $n / r$ seconds."""
    return len(samples) / sample_rate


def check_energy(answer):
    energy = function(answer)
    value = number(energy(np.array([3.0, -4.0])), "the energy of [3, -4]")
    if close(value, -1.0):
        raise Wrong("Opposite samples cancelled each other. Square them before you add.")
    if not close(value, 25.0):
        raise Wrong("The energy of [3, -4] is the sum of 9 and 16.")


def solve_energy(x):
    """The sum of squares: $E = \\\\sum_i x_i^2$."""
    return np.sum(x**2)


def given():
    return {"samples": np.zeros(4000, np.float32), "sample_rate": 8000}


EXERCISES = (
    Exercise(
        id="0.1.1",
        title="How long is it?",
        asks="value",
        check=check_duration,
        given=given,
        hints=("How many samples make up one second?", "`len(samples)` counts the samples."),
        solution=solve_duration,
        wrong_answers=((4000, "counted samples"), (2.0, "Divide the number")),
    ),
    Exercise(
        id="0.1.2",
        title="Energy",
        asks="function",
        check=check_energy,
        hints=("Square, then add.",),
        solution=solve_energy,
        wrong_answers=((np.sum, "cancelled"), (np.mean, "sum of 9 and 16")),
    ),
)
```

In the chapter: `check("0.1.1", ..., samples=samples, sample_rate=8000)`, `hint("0.1.1")`,
`solution("0.1.1")`. A check says what is wrong and what to try next, never the solution.
'''

import ast
import dis
import functools
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
import types
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers import _html


class Wrong(Exception):
    """Raised by a check: the answer is wrong, and the message says what to try next.

    The message is Markdown: `code` and $mathematics$ are rendered.
    """


class UnknownExercise(LookupError):
    """There is no exercise with this number."""


class _NotAnswered(Exception):
    """The reader's function gave back its placeholder."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    id: chapter and number, `"5.2.1"`. title: a few words.
    asks: `"value"`, then `solution(**given())` is the answer, or `"function"`, then `solution`
        itself is.
    check: called as `check(answer, **given)`; raises `Wrong`. It may return a remark (Markdown) to
        show with a right answer. Functions of the reader arrive wrapped, so that the placeholder
        `...` counts as unanswered.
    given: makes the data that the chapter hands to `check`, as a dict, smaller if possible; tests
        use it.
    hints: from gentle to plain. solution: a function; its docstring (Markdown) is the explanation.
    wrong_answers: at least two pairs (answer, piece of the advice it must get). Where a value is
        asked, a function here is called with `**given()` to make the wrong value.
    also: functions that the solution needs and that are shown with it.

    Raises ValueError for an exercise that is not complete.

    Chapter: 5.1
    """

    id: str
    title: str
    check: Callable
    hints: tuple[str, ...]
    solution: Callable
    wrong_answers: tuple
    asks: str = "value"
    given: Callable[[], dict] = dict
    also: tuple[Callable, ...] = ()

    def __post_init__(self):
        if not re.fullmatch(r"\d+\.\d+\.\d+", self.id):
            raise ValueError(f"exercise id {self.id!r}: use chapter and number, such as '5.2.1'")
        if self.asks not in ("value", "function"):
            raise ValueError(f"exercise {self.id}: asks is {self.asks!r}, not value or function")
        if isinstance(self.hints, str) or not self.hints:
            raise ValueError(f"exercise {self.id}: give a tuple of at least one hint")
        if not inspect.getdoc(self.solution):
            raise ValueError(f"exercise {self.id}: the solution's docstring must explain it")
        if len(self.wrong_answers) < 2:
            raise ValueError(f"exercise {self.id}: give at least two typical wrong answers")

    def right_answer(self):
        """The answer that the solution gives."""
        return self.solution if self.asks == "function" else self.solution(**self.given())


@dataclass(frozen=True)
class Result:
    """What a check found: `status` is "unanswered", "wrong" or "right"; `message` is Markdown."""

    status: str
    message: str


# --- what readers call -------------------------------------------------------------------------


def check(id, answer=..., *, quiet=False, **given):
    """Check an answer to the exercise `id` and show what was found, in a box.

    `...`, None, or a function that still holds the placeholder count as not answered. Nothing is
    raised for a wrong answer, nor for an answer that makes the check fall over: the box says so.
    `given`: data of the chapter that the exercise needs. quiet: show nothing, return a `Result`.

    Raises `UnknownExercise` for a number that does not exist, TypeError if `given` does not fit.

    Chapter: 5.1
    """
    exercise = find(id)
    _fits(exercise, given)
    result = _examine(exercise, answer, given)
    if quiet:
        return result
    icon, words, colour = {
        "unanswered": ("○", "Not answered yet.", _html.NEUTRAL),
        "wrong": ("✗", "Not yet right.", _html.BAD),
        "right": ("✓", "Correct.", _html.GOOD),
    }[result.status]
    _html.display(
        _html.box(
            f'<p style="margin:0"><strong><span aria-hidden="true" style="color:{colour}">{icon}'
            f"</span> Exercise {exercise.id}: {words}</strong> {_html.inline(result.message)}</p>",
            colour=colour,
            classes=f"lm-exercise lm-exercise--{result.status}",
            label=f"Exercise {exercise.id}: {words}",
        ),
        f"[{icon}] Exercise {exercise.id}: {words} {result.message}".rstrip(),
    )
    return None


def hint(id):
    """Show the hints to the exercise `id`, each folded, from gentle to plain.

    Raises `UnknownExercise` for a number that does not exist. Chapter: 5.1
    """
    exercise = find(id)
    many = len(exercise.hints) > 1
    titles = [
        f"Hint {i} of {len(exercise.hints)} for exercise {id}"
        if many
        else f"Hint for exercise {id}"
        for i, _ in enumerate(exercise.hints, start=1)
    ]
    _html.display(
        "".join(
            _html.details(title, _html.markdown(text), classes="lm-hint")
            for title, text in zip(titles, exercise.hints, strict=True)
        ),
        "\n".join(f"{t}: {text}" for t, text in zip(titles, exercise.hints, strict=True)),
    )


def solution(id):
    """Show the solution to the exercise `id`, folded: explanation and the source that is tested.

    Raises `UnknownExercise` for a number that does not exist. Chapter: 5.1
    """
    exercise = find(id)
    explanation = inspect.getdoc(exercise.solution)
    source = solution_source(exercise)
    _html.display(
        _html.details(
            f"Solution {exercise.id}",
            _html.markdown(explanation) + _html.highlight(source),
            classes="lm-solution",
        ),
        f"Solution {exercise.id}\n{explanation}\n\n{source}",
    )


# --- what checks are written with --------------------------------------------------------------


def number(answer, what="your answer"):
    """`answer` as a float if it is one finite real number, else `Wrong`. Chapter: 5.1"""
    if isinstance(answer, np.ndarray | np.generic) or hasattr(answer, "__array__"):
        array_answer = np.asarray(answer)
        if array_answer.size != 1:
            raise Wrong(f"One number is needed for {what}, not an array of {array_answer.size}.")
        answer = array_answer.item()
    if isinstance(answer, bool | str | complex) or not isinstance(answer, int | float):
        raise Wrong(f"A number is needed for {what}, not {_kind(answer)}.")
    if not np.isfinite(answer):
        raise Wrong(
            f"It came out as {answer} for {what}. Look for a division by zero or a log of 0."
        )
    return float(answer)


def array(answer, shape=None, what="your answer"):
    """`answer` as a float array of the given shape (None in it: any length), else `Wrong`.

    Chapter: 5.1
    """
    try:
        result = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"An array of numbers is needed for {what}, not {_kind(answer)}.") from None
    if shape is not None:
        fits = len(shape) == result.ndim and all(
            want is None or want == got for want, got in zip(shape, result.shape, strict=True)
        )
        if not fits:
            sizes = ["any" if s is None else str(s) for s in shape]
            wanted = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
            raise Wrong(f"The shape should be {wanted} for {what}; it is {result.shape}.")
    if not np.all(np.isfinite(result)):
        raise Wrong(f"There are values that are not finite in {what}.")
    return result


def function(answer, what="your answer"):
    """`answer` if it can be called, else `Wrong`. Chapter: 5.1"""
    if not callable(answer):
        raise Wrong(
            f"A function is needed for {what}, not {_kind(answer)}: leave off the brackets."
        )
    return answer


def close(value, target, rtol=1e-3, atol=1e-9):
    """True if all of `value` is within rtol × |target| + atol of `target`. Chapter: 5.1"""
    value, target = np.asarray(value, float), np.asarray(target, float)
    return value.shape == target.shape and bool(
        np.all(np.abs(value - target) <= rtol * np.abs(target) + atol)
    )


def _kind(answer):
    name = type(answer).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} `{name}`"


# --- the register ------------------------------------------------------------------------------


def chapters():
    """The chapters that have exercises, such as ("5.1", "5.2"), in order. Chapter: 5.1"""
    found = [
        match.groups()
        for module in pkgutil.iter_modules(__path__)
        if (match := re.fullmatch(r"ch(\d+)_(\d+)", module.name))
    ]
    return tuple(f"{part}.{n}" for part, n in sorted(found, key=lambda f: tuple(map(int, f))))


def of_chapter(chapter):
    """The exercises of one chapter, a tuple of `Exercise`.

    Raises `UnknownExercise` if the chapter has none. Chapter: 5.1
    """
    if not re.fullmatch(r"\d+\.\d+", str(chapter)) or str(chapter) not in chapters():
        have = ", ".join(chapters()) or "none yet"
        raise UnknownExercise(f"there are no exercises for chapter {chapter!r}; there are: {have}")
    module = importlib.import_module(f"{__name__}.ch{chapter.replace('.', '_')}")
    return tuple(module.EXERCISES)


def find(id):
    """The exercise with this number, such as "5.2.1".

    Raises `UnknownExercise`, naming those that exist, if there is none. Chapter: 5.1
    """
    match = re.fullmatch(r"(\d+\.\d+)\.\d+", str(id))
    if not match:
        raise UnknownExercise(f"{id!r} is no exercise number; they look like '5.2.1'")
    exercises = of_chapter(match[1])
    for exercise in exercises:
        if exercise.id == id:
            return exercise
    raise UnknownExercise(
        f"there is no exercise {id}; chapter {match[1]} has {', '.join(e.id for e in exercises)}"
    )


# --- behind the scenes -------------------------------------------------------------------------


def _fits(exercise, given):
    """Refuse data that the check does not take: a fault of the chapter, not of the answer."""
    try:
        inspect.signature(exercise.check).bind(None, **given)
    except TypeError as error:
        raise TypeError(f'check("{exercise.id}", …): {error}') from None


def _examine(exercise, answer, given):
    if _is_placeholder(answer):
        return Result("unanswered", "Replace the `...` and run the cell again.")
    if isinstance(answer, types.FunctionType | functools.partial):
        answer = _watched(answer)
    try:
        remark = exercise.check(answer, **given)
    except _NotAnswered:
        return Result("unanswered", "Your function still gives back `...`.")
    except Wrong as wrong:
        return Result("wrong", str(wrong))
    except Exception as error:  # a reader's code may raise anything; it is shown, in words
        return Result("wrong", _accident(error))
    return Result("right", remark or "")


def _is_placeholder(answer):
    if answer is ... or answer is None:
        return True
    if isinstance(answer, list | tuple):
        return any(part is ... for part in answer)
    if isinstance(answer, dict):
        return any(part is ... for part in answer.values())
    return isinstance(answer, types.FunctionType) and _is_stub(answer)


def _is_stub(answer):
    """True for `def f(x): ...`, with or without a docstring, `pass` or `return ...`."""
    steps = list(dis.get_instructions(answer))
    idle = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "POP_TOP"}
    results = [s.argval for s in steps if s.opname in ("LOAD_CONST", "RETURN_CONST")]
    return all(s.opname in idle for s in steps) and (results[-1] is None or results[-1] is ...)


def _watched(answer):
    """The reader's function, which now says so when it gives back its placeholder."""

    def watched(*args, **kwargs):
        value = answer(*args, **kwargs)
        if _is_placeholder(value) and value is not None:
            raise _NotAnswered
        return value

    return functools.update_wrapper(watched, answer)


def _accident(error):
    """Advice on an answer that raised, or that the check stumbled over."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    what = f"`{type(error).__name__}`" + (f" ({_one_line(error)})" if str(error).strip() else "")
    watched = [i for i, f in enumerate(frames) if f.tb_frame.f_code is _watched_code()]
    if not watched:
        return (
            f"The check could not work with your answer: {what}. Is it the kind of thing that "
            "the exercise asks for? Print its type and shape."
        )
    inside = frames[watched[0] + 1 :]
    if not inside:
        return f"Your function cannot be called as the exercise asks: {what}."
    return (
        f"Your function raised {what} in its line "
        f"{inside[0].tb_lineno - inside[0].tb_frame.f_code.co_firstlineno + 1}. "
        "Call it yourself on a small input and look at each step."
    )


def _watched_code():
    return next(c for c in _watched.__code__.co_consts if isinstance(c, types.CodeType))


def _one_line(error):
    text = " ".join(str(error).split()).replace("`", "'")
    return text if len(text) <= 200 else text[:200] + " …"


def solution_source(exercise):
    """The source that `solution` shows: the imports it needs, `also`, the function itself.

    Docstrings are left out, since the explanation stands above. Chapter: 5.1
    """
    shown = [_bare_source(f) for f in (*exercise.also, exercise.solution)]
    module = sys.modules[exercise.solution.__module__]
    imports = _imports_used(inspect.getsource(module), "\n".join(shown))
    return "\n\n\n".join((["\n".join(imports)] if imports else []) + shown)


def _bare_source(function):
    source = textwrap.dedent(inspect.getsource(function)).rstrip()
    node = ast.parse(source).body[0]
    lines = source.splitlines()
    if ast.get_docstring(node) is not None and len(node.body) > 1:
        first = node.body[0]
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)


def _imports_used(module_source, shown):
    used = {node.id for node in ast.walk(ast.parse(shown)) if isinstance(node, ast.Name)}
    lines = []
    for node in ast.parse(module_source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a for a in node.names if (a.asname or a.name.partition(".")[0]) in used]
            if names:
                node.names = names
                lines.append(ast.unparse(node))
    return lines
