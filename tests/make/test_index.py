"""The index has its entries, and each leads to a section that is there."""

import json
import re
from pathlib import Path

import pytest
import yaml
from book_index import TERMS, chapters_of, entries, function_lines, headings, letter_of, lines_of
from nbformat import v4
from record import functions

ROOT = Path(__file__).resolve().parents[2]
FEWEST = 330


class Unique(yaml.SafeLoader):
    """Refuses a key that stands twice, which YAML's own loader forgets."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="module")
def terms():
    return yaml.load((ROOT / TERMS).read_text(encoding="utf-8"), Loader=Unique)


def test_every_entry_leads_to_a_section(terms):
    found, faults = entries(terms, chapters_of(ROOT))
    assert faults == []
    assert len(found) >= FEWEST
    assert all(found.values())


def test_every_chapter_is_in_the_index(terms):
    places = [p for value in terms.values() for p in ([value] if isinstance(value, str) else value)]
    numbers = {place.split(" ")[0] for place in places}
    assert set(chapters_of(ROOT)) <= numbers


def test_to_see_leads_to_an_entry_with_places(terms):
    for term, place in terms.items():
        if isinstance(place, str) and place.startswith("see "):
            assert not str(terms[place.removeprefix("see ")]).startswith("see "), term


def test_headings_and_their_anchors():
    cells = [
        v4.new_markdown_cell("# 5.1 Title\n## What is it?\ntext\n### Deep\n#### Deeper"),
        v4.new_code_cell("## not a heading"),
        v4.new_markdown_cell("## What is it?\n```\n## nor this\n```\n## The root of D_k"),
    ]
    assert headings({"cells": cells}) == {
        "What is it?": "what-is-it",
        "Deep": "deep",
        "The root of D_k": "the-root-of-d_k",
    }


def test_a_place_that_is_not_there_is_named():
    chapters = {"5.1": ("notebooks/5-part/1-x", {"Why?": "why"})}
    terms = {
        "a": ["5.1 Why?", "5.1"],
        "b": "5.1 Who?",
        "c": "9.9 Why?",
        "d": "see a",
        "e": "see nobody",
    }
    found, faults = entries(terms, chapters)
    assert found["a"] == [
        "[5.1 Why?](/notebooks/5-part/1-x.ipynb#why)",
        "[Chapter 5.1](/notebooks/5-part/1-x.ipynb)",
    ]
    assert found["d"] == ["see *a*"]
    assert faults == [
        "b: chapter 5.1 has no heading 'Who?'",
        "c: there is no chapter 9.9",
        "e: there is no entry 'nobody' to see",
    ]


def test_terms_stand_by_their_letters():
    lines = lines_of({"zebra": ["z"], "Écho": ["e"], "echo": ["f"], "Adam": ["a", "b"]})
    assert lines[0] == "[A](#index-a) · [E](#index-e) · [Z](#index-z)"
    assert [line for line in lines if line.startswith("- ")] == [
        "- **Adam**: a; b",
        "- **echo**: f",
        "- **Écho**: e",
        "- **zebra**: z",
    ]
    assert letter_of("épée") == "E"


def test_functions_stand_under_their_chapters(tmp_path):
    (tmp_path / "helpers" / "sub").mkdir(parents=True)
    body = '    """Does it.\n\n    Chapter: {}\n    """\n'
    text = "def f():\n" + body.format("5.1") + "\n\ndef g():\n    pass\n\n\nclass C:\n"
    (tmp_path / "helpers/a.py").write_text(text + body.format("5.2"))
    (tmp_path / "helpers/_b.py").write_text("def h():\n" + body.format("5.1"))
    (tmp_path / "helpers/sub/__init__.py").write_text("def k():\n" + body.format("5.1. Also."))
    found = functions(tmp_path)
    assert [(f["name"], f["module"], f["chapter"]) for f in found] == [
        ("f", "helpers.a", "5.1"),
        ("C", "helpers.a", "5.2"),
        ("k", "helpers.sub", "5.1"),
    ]
    lines = function_lines(found, {"5.1": ("n/x", {})})
    assert lines == ["**{doc}`/n/x`**", "", "- `helpers.a`: `f`", "- `helpers.sub`: `k`", ""]


def test_the_package_has_its_functions_in_the_index():
    found = functions(ROOT)
    assert len(found) > 300
    assert {"helpers.audio", "helpers.verdict"} <= {f["module"] for f in found}
    assert all(re.fullmatch(r"[A-Za-z]\w*", f["name"]) for f in found)
    assert json.dumps(found)
