"""The resources, the glossary and the learning paths: complete, findable, without repetition."""

import re
from pathlib import Path

import pytest
from chapters_named import NUMBER, numbered
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
ENTRY = re.compile(r"^  \{zh\}`([^`]+)`\. (.+) \{chapter\}`([^`]+)`$")
CITED = re.compile(r"\{cite(?::t)?\}`([^`]+)`")
LINK = re.compile(r"\]\((https?://[^)\s]+)\)")


def page(name):
    return (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")


def chapter_numbers():
    """Every chapter of the plan, finished or not."""
    return set(re.findall(r"^- \*\*\[?(\d\.\d) ", page("plan"), re.MULTILINE))


def sections(text):
    """Each second-level section's title and body."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def listed():
    """The resources: (section, entry)."""
    found = []
    for title, body in sections(page("resources")).items():
        if title in ("Books", "Courses", "Tools", "Data", "Papers to start from"):
            found += [(title, line[2:]) for line in body.splitlines() if line.startswith("- ")]
    return found


def identifiers(entry):
    """What the entry leads to: keys of the bibliography, and addresses."""
    keys = [key.strip() for keys in CITED.findall(entry) for key in keys.split(",")]
    return keys + LINK.findall(entry)


def glossary():
    """The glossary's entries as (letter, term, Chinese, sentence, chapter)."""
    found = []
    for letter, body in sections(page("glossary")).items():
        lines = [line for line in body.splitlines() if line and not line.startswith("```")]
        for term, entry in zip(lines[::2], lines[1::2], strict=True):
            match = ENTRY.match(entry)
            assert match, entry
            found.append((letter, term, *match.groups()))
    return found


def test_every_resource_can_be_found_and_says_for_whom():
    known = set(parse_file(ROOT / "book/references.bib").entries)
    assert 60 <= len(listed()) <= 90
    for _, entry in listed():
        assert identifiers(entry), entry
        assert all(key in known or key.startswith("http") for key in identifiers(entry)), entry
        assert " — " in entry, entry
        assert "*For* " in entry, entry


def test_no_resource_is_listed_twice():
    every = [name for _, entry in listed() for name in identifiers(entry)]
    assert sorted({name for name in every if every.count(name) > 1}) == []


def test_every_section_says_when_it_was_checked():
    dates = {
        title: re.findall(r"\d{4}-\d\d-\d\d", body)
        for title, body in sections(page("resources")).items()
    }
    assert all(dates.values()), dates


@pytest.mark.parametrize(
    "what",
    [
        "goodfellow2016deep",
        "rabiner2007introduction",
        "speechprocessingbook.aalto.fi",
        "Fundamentals of Music Processing",
        "Andrew Ng",
        "huggingface.co/learn/audio-course",
        "abadi2016tensorflow",
        "paszke2019pytorch",
        "mcfee2015librosa",
        "oord2016wavenet",
    ],
)
def test_what_must_be_listed_is(what):
    assert any(what in entry for _, entry in listed())


@pytest.mark.parametrize(
    "what", ["librospeech", "Audio-to-Phi", "Kitazawa", "MuseNet", "(2013)", "(2016)", "(2017)"]
)
def test_citations_that_lead_nowhere_are_named(what):
    body = sections(page("resources"))["Citations to be wary of"]
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert sum(what in row for row in rows) == 1


def test_the_glossary_is_large_ordered_and_has_no_repetition():
    entries = glossary()
    assert len(entries) >= 150
    terms = [re.sub(r"[-–]", " ", term.lower()) for _, term, *_ in entries]
    plain = [re.sub(r"[^a-z0-9 ]", "", term) for term in terms]
    assert plain == sorted(plain)
    assert len(set(plain)) == len(plain)
    assert all(term[0].upper() == letter for term, (letter, *_) in zip(plain, entries, strict=True))


def test_every_term_has_chinese_a_sentence_and_a_chapter():
    numbers = chapter_numbers()
    for _, term, chinese, sentence, chapter in glossary():
        assert HAN.search(chinese), term
        assert sentence.endswith("."), term
        assert chapter in numbers, f"{term}: {chapter}"


def test_no_two_terms_share_their_chinese():
    every = [chinese for _, _, chinese, *_ in glossary()]
    assert sorted({name for name in every if every.count(name) > 1}) == []


def test_the_paths_name_chapters_of_the_plan_by_their_titles():
    titles = dict(
        re.findall(r"^- \*\*\[?(\d\.\d) ([^\]*]+?)(?:\]|\*\*)", page("plan"), re.MULTILINE)
    )
    named = re.findall(r"\{chapter\}`([^`]+)`", page("paths"))
    assert len(named) > 40
    for text in named:
        number, words = NUMBER.fullmatch(text).groups()
        assert number in titles, text
        assert words in (None, titles[number]), text


def test_there_are_eight_things_to_build_and_fourteen_weeks():
    parts = sections(page("paths"))
    assert len(re.findall(r"^### ", parts["I want to build …"], re.MULTILINE)) >= 8
    weeks = re.findall(r"^\| (\d+) \|", parts["A term"], re.MULTILINE)
    assert [int(week) for week in weeks] == list(range(1, 15))


def test_a_chapter_is_found_by_its_number():
    docs = ["notebooks/2-concepts/3-features", "book/plan", "notebooks/8-outlook/1-small-devices"]
    assert numbered(docs) == {"2.3": docs[0], "8.1": docs[2]}
