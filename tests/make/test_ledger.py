"""No verdict is missing from the claims ledger, and none is without its numbers."""

import json

import pytest
import status
from chapters import BuildError, list_chapters
from ledger import FIELDS, as_data, check_claims, verdict_ids, write_claims
from nbformat import v4

CLAIM = {
    "id": "5.2-gap",
    "claim": "There is a gap.",
    "chapter": "5.2",
    "doc": "notebooks/5-part/2-chapter",
    "n": 3,
    "effect": 6.5,
    "low": 5.5,
    "high": 7.5,
    "threshold": 5.0,
    "outcome": "holds",
    "measured_text": "+6.5 points",
}


@pytest.fixture
def chapters(small_book):
    small_book.chapter(2, 'verdict(\n    "5.2-gap",\n    claim="There is a gap.")')
    return list_chapters(small_book.root)


def test_ids_are_read_from_code_alone():
    cells = [
        v4.new_code_cell("a = verdict('1.1-a', claim=c)\nb = verdict(\"1.1-b\",\n  claim=c)"),
        v4.new_markdown_cell('`verdict("1.1-not", …)` shows a box'),
        v4.new_code_cell("from helpers.verdict import verdict\nmy_verdict(x)"),
    ]
    assert verdict_ids({"cells": cells}) == ["1.1-a", "1.1-b"]
    with pytest.raises(BuildError, match="plain string"):
        verdict_ids({"cells": [v4.new_code_cell('verdict(f"1.1-{name}", claim=c)')]})


def test_a_verdict_that_no_output_carries_fails_the_build(chapters):
    check_claims(chapters, [CLAIM])
    with pytest.raises(BuildError, match=r"2-chapter: no output carries the verdict 5\.2-gap"):
        check_claims(chapters, [])
    with pytest.raises(BuildError, match="no output carries"):
        check_claims(chapters, [{**CLAIM, "doc": "notebooks/5-part/3-other"}])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"effect": None}, "effect"),
        ({"effect": float("nan")}, "effect"),
        ({"threshold": None}, "threshold"),
        ({"high": float("inf")}, "interval"),
        ({"low": None, "high": None}, "interval"),
        ({"n": 1, "low": None}, "interval"),
    ],
)
def test_a_claim_without_a_number_fails_the_build(chapters, change, what):
    with pytest.raises(BuildError, match=f"5.2-gap has no {what}"):
        check_claims(chapters, [{**CLAIM, **change}])


def test_one_unit_needs_no_interval(chapters):
    check_claims(chapters, [{**CLAIM, "n": 1, "low": None, "high": None}])


def test_claims_as_data(tmp_path):
    record = {"date": "2026-01-01", "commit": None, "data": {}, "claims": [CLAIM]}
    write_claims(record, tmp_path / "claims.json")
    data = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))
    assert data == as_data(record)
    (row,) = data["claims"]
    assert list(row) == FIELDS
    assert (row["mean"], row["low"], row["text"]) == (6.5, 5.5, "+6.5 points")
    assert row["page"] == "notebooks/5-part/2-chapter.html"
    assert row["seeds"] is None


def test_every_field_is_explained_on_the_page(pytestconfig):
    page = (pytestconfig.rootpath / "book/ledger.md").read_text(encoding="utf-8")
    table = page[page.index("| Field |") :]
    assert [name for name in FIELDS if f"`{name}`" not in table] == []


def test_outcomes_are_counted_by_part():
    other = {**CLAIM, "chapter": "6.1", "outcome": "undecided"}
    lines = status.outcomes_by_part([CLAIM, CLAIM, other], {"5": "Part 5 · Project"})
    assert lines[0] == "| Part | holds | does not hold | undecided | claims |"
    assert lines[2:] == [
        "| Part 5 · Project | 2 | 0 | 0 | 2 |",
        "| Part 6 | 0 | 0 | 1 | 1 |",
        "| **All** | **2** | **0** | **1** | **3** |",
    ]
    only_if = status.outcomes_by_part([{**CLAIM, "outcome": "holds only if"}], {})
    assert only_if[0] == "| Part | holds | holds only if | does not hold | undecided | claims |"


def test_parts_have_the_names_of_the_contents(tmp_path):
    toc = tmp_path / "_toc.yml"
    assert status.part_names(toc) == {}
    toc.write_text('parts:\n- caption: Start here\n- caption: "Part 5 · Project"\n- chapters: []\n')
    assert status.part_names(toc) == {"5": "Part 5 · Project"}
