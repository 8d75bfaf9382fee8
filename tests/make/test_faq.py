"""The tables of questions and answers: ranked by what was measured, with nothing typed."""

import re
from pathlib import Path

import pytest
import yaml
from chapters import BuildError, list_chapters
from faq import QUESTIONS, gain_of, question_lines, ranked, shown, signed
from ledger import verdict_ids
from record import gains
from sphinx.errors import ExtensionError

from helpers.experiments._gains import all_gains

ROOT = Path(__file__).resolve().parents[2]
CLAIM = {"effect": 2.0, "low": 1.0, "high": 3.0, "n": 6, "unit": "speaker", "chapter": "5.2"}
RECORD = {
    "chapters": [{"id": "5.2", "doc": "notebooks/5-part/2-x", "title": "5.2 X"}],
    "claims": [
        {**CLAIM, "id": "5.2-a"},
        {**CLAIM, "id": "5.2-b", "effect": -4.0, "low": -7.0, "high": -1.0},
        {**CLAIM, "id": "5.2-c", "effect": 0.5, "low": None, "high": None},
    ],
    "gains": {
        "sounds: x": {"mean": 3, "low": -1, "high": 7, "n": 5, "unit": "fold", "chapter": "5.2"}
    },
}


def rows():
    """All declared rows."""
    questions = yaml.safe_load((ROOT / QUESTIONS).read_text(encoding="utf-8"))
    return [row for tables in questions.values() for table in tables for row in table["rows"]]


def test_the_four_questions_are_on_the_page():
    questions = yaml.safe_load((ROOT / QUESTIONS).read_text(encoding="utf-8"))
    page = (ROOT / "book/faq.md").read_text(encoding="utf-8")
    assert re.findall(r"\{measured-gains\} (\w+)", page) == list(questions)
    assert list(questions) == ["recognition", "noise", "variety", "sounds"]


def test_every_row_has_its_claim_or_its_results():
    ids = {name for chapter in list_chapters(ROOT) for name in verdict_ids(chapter.notebook())}
    on_file = set(all_gains())
    for row in rows():
        assert ("claim" in row) != ("gain" in row), row
        if not row.get("planned"):
            assert row.get("claim") in ids or row.get("gain") in on_file, row
            assert row["cost"], row
    named = [row.get("claim") or row["gain"] for row in rows()]
    assert len(named) == len(set(named))


def test_no_number_is_typed():
    for row in rows():
        assert not re.search(r"\d", row["what"].replace("ESC-10", "") + row.get("cost", "")), row


def test_a_gain_has_its_sign_and_its_bounds_in_order():
    row = gain_of({"what": "x", "claim": "5.2-b", "sign": -1}, RECORD)
    assert (row["mean"], row["low"], row["high"]) == (4.0, 1.0, 7.0)
    assert gain_of({"what": "x", "gain": "sounds: x"}, RECORD)["mean"] == 3
    with pytest.raises(ExtensionError, match=r"no '5\.2-z'"):
        gain_of({"what": "x", "claim": "5.2-z"}, RECORD)
    with pytest.raises(ExtensionError, match="either a claim or a gain"):
        gain_of({"what": "x"}, RECORD)


def test_rows_are_ranked_and_read_by_their_intervals():
    declared = [
        {"what": "b", "claim": "5.2-b"},
        {"what": "c", "claim": "5.2-c"},
        {"what": "later", "gain": "advice: y", "planned": True},
        {"what": "a", "claim": "5.2-a"},
        {"what": "x", "gain": "sounds: x"},
    ]
    measured, missing = ranked(declared, RECORD)
    assert [(row["what"], shown(row)) for row in measured] == [
        ("x", "not shown"),
        ("a", "gain shown"),
        ("c", "not shown"),
        ("b", "harm shown"),
    ]
    assert [row["what"] for row in missing] == ["later"]
    lines = question_lines([{"metric": "points", "rows": declared}], RECORD)
    assert lines[0].startswith("Of 4 comparisons below, 1 showed a gain and 1 showed harm; in 2 ")
    (line,) = [line for line in lines if line.startswith("| x |")]
    assert line.startswith("| x | +3.00 (−1.00 to +7.00) | 5 folds | **not shown** | – |")
    assert lines[-1] == "Often advised and not measured in this book: later."


def test_what_was_planned_joins_its_table_once_it_is_measured():
    row = {"what": "later", "gain": "sounds: x", "planned": True}
    measured, missing = ranked([row], RECORD)
    assert measured[0]["mean"] == 3
    assert missing == []


def test_signs():
    assert [signed(v) for v in (1.234, -1.234, 0.0, -0.0, 0.004, None)] == [
        "+1.23",
        "−1.23",
        "0.00",
        "0.00",
        "0.00",
        "–",
    ]


def test_gains_of_a_book_without_experiments_and_of_a_broken_one(tmp_path):
    assert gains(tmp_path) == {}
    path = tmp_path / "helpers/experiments/_gains.py"
    path.parent.mkdir(parents=True)
    for folder in (path.parent, path.parent.parent):
        (folder / "__init__.py").touch()
    path.write_text("print('{\"a\": 1}')")
    assert gains(tmp_path) == {"a": 1}
    path.write_text("raise OSError('no file')")
    with pytest.raises(BuildError, match="no file"):
        gains(tmp_path)
