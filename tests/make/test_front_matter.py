"""The configuration, the plan, the bibliography and the citation agree with each other."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from pybtex.database import parse_file
from site_front import shorten

ROOT = Path(__file__).resolve().parents[2]


def toc_files():
    """Every page that the table of contents names, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]


def plan_lines():
    """The plan's chapters: (number, title, page or None, tag)."""
    text = (ROOT / "book/plan.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^- \*\*(?:\[)?(\d\.\d) ([^\]*]+?)(?:\]\(\.\./([^)]+)\.ipynb\))?\*\*\s+\[(\w+)\]\{",
        text,
        re.MULTILINE,
    )
    return [(number, title, page or None, tag) for number, title, page, tag in found]


def test_plan_lists_every_chapter_once():
    numbers = [number for number, *_ in plan_lines()]
    assert len(set(numbers)) == len(numbers)
    assert {n[0] for n in numbers} == set("12345678")
    text = (ROOT / "book/plan.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^- \*\*\[?\d\.\d ", text, re.MULTILINE)) == len(numbers)


def test_plan_and_contents_agree():
    """Finished chapters are exactly the notebooks in the contents; planned ones have no page."""
    finished = [page for _, _, page, tag in plan_lines() if tag == "finished"]
    assert finished == [file for file in toc_files() if file.startswith("notebooks/")]
    for number, _, page, tag in plan_lines():
        assert tag in ("finished", "planned")
        assert (page is None) == (tag == "planned"), number


def test_every_page_is_in_the_contents():
    pages = {path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("book/*.md")}
    assert pages <= set(toc_files())


def test_no_symbol_of_the_notation_means_two_things():
    text = (ROOT / "book/notation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\$.+?\$(?:, \$.+?\$)*) \|", text, re.MULTILINE)
    symbols = [symbol for row in rows for symbol in re.findall(r"\$(.+?)\$", row)]
    assert len(symbols) > 50
    assert sorted({s for s in symbols if symbols.count(s) > 1}) == []


def test_every_reference_can_be_found():
    """Each entry has a title, a year, and a DOI, an arXiv number or an address."""
    entries = parse_file(ROOT / "book/references.bib").entries
    for key, entry in entries.items():
        assert {"title", "year"} <= set(entry.fields), key
        assert {"doi", "eprint", "url"} & set(entry.fields), key
        assert entry.persons.get("author"), key
        if "doi" in entry.fields:
            assert re.match(r"10\.\d{4,}/\S+$", entry.fields["doi"]), key
        if "eprint" in entry.fields:
            assert re.fullmatch(r"\d{4}\.\d{4,5}", entry.fields["eprint"]), key
    titles = [entry.fields["title"].lower() for entry in entries.values()]
    assert len(set(titles)) == len(titles)


def test_citation_file():
    """Valid by the format's rules that matter here, and of the package's version."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert all(set(author) == {"name"} for author in citation["authors"])
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert str(citation["version"]) == package["project"]["version"]
    assert "url" not in citation


def test_landing_sound_and_picture_are_small():
    sound = ROOT / "book/_static/landing/digits.mp3"
    picture = ROOT / "book/_static/landing/log-mel.png"
    assert sound.stat().st_size < 40_000
    assert picture.stat().st_size < 40_000
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_shorten():
    assert shorten("short") == "short"
    text = shorten("word " * 100, 50)
    assert len(text) <= 50
    assert text.endswith("word…")


@pytest.mark.slow
@pytest.mark.parametrize("url", ["", "https://github.com/someone/listening"])
def test_repository_is_set_in_one_place(tmp_path, url):
    """Without an address no page names a repository; with one every page links to it."""
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert config.count('  url: ""') == 1
    (tmp_path / "_config.yml").write_text(config.replace('  url: ""', f'  url: "{url}"', 1))
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    for folder in ("_ext", "_static"):
        skip = shutil.ignore_patterns("vendor", "__pycache__")
        shutil.copytree(ROOT / "book" / folder, tmp_path / "book" / folder, ignore=skip)
    shutil.copy(ROOT / "book/references.bib", tmp_path / "book")
    (tmp_path / "book/index.md").write_text(
        "# A page\n\nWith a first paragraph that says enough.\n"
    )
    made = tmp_path / "_build" / "html"
    command = [sys.executable, ROOT / "book/_make/sphinx_build.py", tmp_path, made]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = (made / "book/index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="(https://github\.com/[^"]*)"', text)
    if url:
        assert url in links
        assert f"{url}/edit/main/book/index.md" in links
        assert all(link.startswith(url) for link in links)
    else:
        assert links == []
    assert "THEBE" not in text
    assert 'content="With a first paragraph that says enough."' in text
    assert 'data-default-mode="auto"' in text
