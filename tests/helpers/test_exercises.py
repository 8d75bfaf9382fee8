"""Exercises: the framework, on the template of its docstring, and every exercise of the book."""

import ast
import re
import sys

import numpy as np
import pytest

from helpers import exercises
from helpers.exercises import Exercise, UnknownExercise, Wrong, check, hint, solution


def template():
    """The template in the package's docstring, as source."""
    return re.search(r"```python\n(.*?)```", exercises.__doc__, re.DOTALL)[1]


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """Chapter 0.1, made from the template, in the register."""
    (tmp_path / "ch0_1.py").write_text(template(), encoding="utf-8")
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path)])
    yield exercises.of_chapter("0.1")
    sys.modules.pop("helpers.exercises.ch0_1", None)


GIVEN = {"samples": np.zeros(4000), "sample_rate": 8000}


# --- every exercise, of the template and of the book ---------------------------------------------


def faults(exercise):
    """What is wrong with an exercise, a list of texts: the contract of all chapters."""
    found = []
    data = exercise.given()
    right = exercises._examine(exercise, exercise.right_answer(), data)
    if right.status != "right":
        found.append(f"the solution is judged {right.status}: {right.message}")
    for i, (answer, fragment) in enumerate(exercise.wrong_answers, start=1):
        if exercise.asks == "value" and callable(answer):
            answer = answer(**exercise.given())
        result = exercises._examine(exercise, answer, exercise.given())
        if result.status != "wrong":
            found.append(f"wrong answer {i} is judged {result.status}")
        elif fragment not in result.message:
            found.append(f"wrong answer {i} gets {result.message!r}, without {fragment!r}")
    for placeholder in (..., None, lambda *a, **k: ...):
        result = exercises._examine(exercise, placeholder, exercise.given())
        if result.status != "unanswered":
            found.append(f"the placeholder {placeholder!r} is judged {result.status}")
    for odd in ("seven", [], object(), float("nan"), lambda: 1 / 0):
        if exercises._examine(exercise, odd, exercise.given()).status != "wrong":
            found.append(f"the odd answer {odd!r} is not judged wrong")
    if not exercises.solution_source(exercise).strip():
        found.append("the solution has no source")
    return found


def all_exercises():
    return [e for chapter in exercises.chapters() for e in exercises.of_chapter(chapter)]


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.id)
def test_exercise_of_the_book(exercise):
    assert faults(exercise) == []


@pytest.mark.parametrize("chapter", exercises.chapters())
def test_chapter_numbers_its_exercises_in_order(chapter):
    ids = [e.id for e in exercises.of_chapter(chapter)]
    assert ids == [f"{chapter}.{i}" for i in range(1, len(ids) + 1)]
    assert len(ids) >= 4


def test_the_template_fulfils_the_contract(sample):
    assert [e.id for e in sample] == ["0.1.1", "0.1.2"]
    for exercise in sample:
        assert faults(exercise) == []


def test_the_contract_notices_faults(sample):
    good = sample[0]
    broken = Exercise(
        id="0.1.9",
        title="t",
        check=good.check,
        given=good.given,
        hints=("h",),
        solution=good.solution,
        wrong_answers=((0.5, "is right, in truth"), (4000, "not this fragment")),
    )
    text = " ".join(faults(broken))
    assert "wrong answer 1 is judged right" in text
    assert "without 'not this fragment'" in text


# --- check ---------------------------------------------------------------------------------------


def stub(x): ...


def documented_stub(x):
    """Return the energy."""
    pass  # noqa: PIE790


def returning_stub(x):
    return ...


def late_stub(x):
    value = np.sum(x)  # the reader has begun
    return [..., value]


@pytest.mark.parametrize(
    "answer", [..., None, (..., 3), [...], {"a": ...}, stub, documented_stub, returning_stub]
)
def test_a_placeholder_is_not_answered(sample, answer):
    assert check("0.1.2", answer, quiet=True).status == "unanswered"


def test_a_function_that_gives_back_the_placeholder_is_not_answered(sample):
    result = check("0.1.2", late_stub, quiet=True)
    assert (result.status, "gives back" in result.message) == ("unanswered", True)


def test_a_function_that_gives_back_a_constant_is_an_answer(sample):
    assert check("0.1.2", lambda x: 3.0, quiet=True).status == "wrong"


def test_the_answer_may_be_left_out(sample, shown):
    assert check("0.1.1", **GIVEN) is None
    assert "Not answered yet" in shown.html


@pytest.mark.parametrize(
    ("answer", "css", "words"),
    [
        (0.5, "right", "Correct."),
        (4000, "wrong", "counted samples"),
        (..., "unanswered", "Replace"),
    ],
)
def test_the_box(sample, shown, answer, css, words):
    assert check("0.1.1", answer, **GIVEN) is None
    assert f"lm-exercise--{css}" in shown.html
    assert words in shown.html
    assert "0.1.1" in shown.plain
    shown.elements("div")


def test_a_function_that_raises_is_told_where(sample):
    def energy(x):
        total = 0
        return total + x["no such key"]

    message = check("0.1.2", energy, quiet=True).message
    assert "IndexError" in message
    assert "its line 3" in message


def test_a_function_with_the_wrong_arguments(sample):
    message = check("0.1.2", lambda: 3, quiet=True).message
    assert "cannot be called as the exercise asks" in message


def test_an_answer_that_the_check_stumbles_over(monkeypatch):
    def stumbling(answer):
        return answer.shape[7]

    exercise = Exercise(
        id="0.1.3",
        title="t",
        check=stumbling,
        hints=("h",),
        solution=test_a_function_with_the_wrong_arguments_documented,
        wrong_answers=((1, ""), (2, "")),
    )
    monkeypatch.setattr(exercises, "find", lambda id: exercise)
    result = check("0.1.3", 3.0, quiet=True)
    assert result.status == "wrong"
    assert "could not work with your answer" in result.message


def test_a_function_with_the_wrong_arguments_documented():
    """A solution, as far as the test above is concerned."""


def test_data_that_does_not_fit_is_the_chapters_fault(sample):
    with pytest.raises(TypeError, match=r"0\.1\.1.*wrong_name"):
        check("0.1.1", 3.0, **GIVEN, wrong_name=1)


def test_an_interrupt_is_not_swallowed(sample):
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("0.1.2", interrupted, quiet=True)


def test_messages_are_escaped(sample, shown):
    def nasty(x):
        raise ValueError("<script>alert(1)</script>")

    check("0.1.2", nasty)
    assert "<script>" not in shown.html
    shown.elements("div")


def test_unknown_numbers_name_what_there_is(sample):
    with pytest.raises(UnknownExercise, match=r"0\.1\.1, 0\.1\.2"):
        check("0.1.7", 1)
    with pytest.raises(UnknownExercise, match=r"no exercises for chapter '9\.9'"):
        hint("9.9.1")
    with pytest.raises(UnknownExercise, match=r"look like '5\.2\.1'"):
        solution("five")


# --- hint and solution ---------------------------------------------------------------------------


def test_hints_are_folded_one_by_one(sample, shown):
    hint("0.1.1")
    assert len(shown.elements("details")) == 2
    assert all("open" not in d for d in shown.elements("details"))
    assert "Hint 1 of 2" in shown.html
    hint("0.1.2")
    assert "Hint for exercise 0.1.2" in shown.html


def test_the_solution_is_folded_and_shows_the_tested_source(sample, shown):
    solution("0.1.2")
    (details,) = shown.elements("details")
    assert "lm-solution" in details["class"]
    assert "<summary" in shown.html
    assert "Solution 0.1.2" in shown.html
    assert r"\(E = \sum_i x_i^2\)" in shown.html
    text = re.sub(r"<[^>]+>", "", shown.html)
    assert "import numpy as np" in text
    assert "return np.sum(x**2)" in text
    assert "from helpers.exercises" not in text
    assert '"""' not in text


def test_the_source_that_is_shown_runs(sample):
    for exercise in sample:
        space = {}
        exec(compile(exercises.solution_source(exercise), "shown", "exec"), space)
        assert callable(space[exercise.solution.__name__])


# --- what checks are written with ----------------------------------------------------------------


@pytest.mark.parametrize("answer", [3, 3.0, np.float32(3), np.array([3.0]), np.array(3)])
def test_number_takes_numbers(answer):
    assert exercises.number(answer) == 3.0


@pytest.mark.parametrize(
    "answer", ["3", True, np.array([1, 2]), [3], float("nan"), float("inf"), 3j, np.sum, {}]
)
def test_number_refuses_the_rest(answer):
    with pytest.raises(Wrong):
        exercises.number(answer)


def test_array():
    assert exercises.array([1, 2], (None,)).dtype == float
    with pytest.raises(Wrong, match=r"\(any, 3\).*\(2,\)"):
        exercises.array([1, 2], (None, 3))
    with pytest.raises(Wrong, match="numbers"):
        exercises.array("text")
    with pytest.raises(Wrong, match="finite"):
        exercises.array([np.nan])


def test_function_and_close():
    assert exercises.function(np.sum) is np.sum
    with pytest.raises(Wrong, match="brackets"):
        exercises.function(3)
    assert exercises.close(1.0, 1.0005)
    assert not exercises.close(1.0, 1.1)
    assert not exercises.close([1.0, 1.0], 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "one"}, "chapter and number"),
        ({"asks": "poem"}, "asks"),
        ({"hints": ()}, "hint"),
        ({"hints": "a text"}, "hint"),
        ({"wrong_answers": ((1, "a"),)}, "two"),
        ({"solution": lambda: 1}, "docstring"),
    ],
)
def test_an_exercise_that_is_not_complete_is_refused(sample, change, message):
    good = sample[0]
    fields = {f: getattr(good, f) for f in good.__dataclass_fields__}
    with pytest.raises(ValueError, match=message):
        Exercise(**{**fields, **change})


def test_chapter_files_only_define():
    """A chapter's file imports quickly: no code at module level but definitions."""
    allowed = (
        ast.Expr, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign,
        ast.AnnAssign,
    )  # fmt: skip
    for chapter in exercises.chapters():
        name = f"ch{chapter.replace('.', '_')}.py"
        path = next(iter(exercises.__path__)) + "/" + name
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        assert all(isinstance(node, allowed) for node in tree.body), name
