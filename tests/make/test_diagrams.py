"""Mermaid diagrams: found, named by their content, shown as committed pictures, never stale."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import diagrams
import draw
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "%% alt: A sound becomes a word.\nflowchart TB\n  sound --> word\n"
SVG = '<svg viewBox="0 0 120.4 80"><path d="M0.12345 1.5"/></svg>'
CHAPTER = f"# One\n\nText.\n\n```mermaid\n{SOURCE}```\n\nMore.\n"


def book(folder, page="", cell=CHAPTER):
    """A book of one chapter and one page; returns its folder."""
    chapter = folder / "notebooks" / "1-part" / "1-one.ipynb"
    chapter.parent.mkdir(parents=True)
    cells = [
        {"cell_type": "markdown", "id": "first", "source": cell.splitlines(keepends=True)},
        {"cell_type": "code", "id": "second", "source": ["'```mermaid'"]},
    ]
    chapter.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (folder / "book").mkdir()
    (folder / "book" / "page.md").write_text(page, encoding="utf-8")
    return folder


def drawer(sources):
    """In place of Mermaid: the same picture for everything."""
    return {source: dict.fromkeys(diagrams.SCHEMES, draw.tidy(SVG)) for source in sources}


def test_the_name_follows_the_content():
    """Blanks at the ends do not count, everything else does; the name is the same for ever."""
    name = diagrams.digest(SOURCE)
    assert name == "87e8f8e371927acf"
    assert diagrams.digest(f"\n{SOURCE.replace('word.', 'word.  ')}\n\n") == name
    assert diagrams.digest(SOURCE.replace("-->", "---")) != name
    assert diagrams.digest(SOURCE.replace("  sound", "    sound")) != name


def test_fences_are_parsed_as_markdown():
    """Any fence of that language, however long or indented, and no other."""
    text = (
        f"{CHAPTER}\n~~~~mermaid\nflowchart TB\n```\n  a --> b\n~~~~\n"
        "```python\n'''mermaid'''\n```\n"
        "````md\n```mermaid\nnot drawn\n```\n````\n"
        "- item\n\n  ```mermaid\n  graph TB\n  ```\n"
    )
    assert draw.fences(text) == [SOURCE, "flowchart TB\n```\n  a --> b\n", "graph TB\n"]


def test_chapters_and_pages_are_searched(tmp_path):
    found = draw.diagrams_of(book(tmp_path, page=CHAPTER.replace("sound", "clip")))
    assert [place for place, _ in found] == [
        "notebooks/1-part/1-one.ipynb, cell first",
        "book/page.md",
    ]
    assert found[0][1] == SOURCE


@pytest.mark.parametrize("source", ["flowchart TB\n", "%% alt:\nflowchart TB\n", "", "%% a\n"])
def test_a_diagram_needs_words(source, tmp_path):
    with pytest.raises(diagrams.DiagramError, match="in words"):
        diagrams.alternative(source)
    root = book(tmp_path, page=f"```mermaid\n{source}```\n")
    assert any("book/page.md" in fault and "in words" in fault for fault in draw.faults(root))
    with pytest.raises(draw.DrawError, match=r"book/page\.md: .*in words"):
        draw.renew(root, drawer)


def test_a_missing_picture_says_what_to_do(tmp_path):
    with pytest.raises(diagrams.DiagramError, match="make diagrams") as raised:
        diagrams.figure(SOURCE, tmp_path)
    assert f"{diagrams.PICTURES}/{diagrams.digest(SOURCE)}.light.svg" in str(raised.value)


def test_pictures_are_renewed_and_left_over_ones_removed(tmp_path):
    """Nothing is written twice; what no diagram shows any more goes."""
    root = book(tmp_path)
    assert len(draw.faults(root)) == 2
    number, changed = draw.renew(root, drawer)
    assert (number, len(changed)) == (1, 2)
    assert draw.faults(root) == []
    assert draw.renew(root, drawer) == (1, [])
    stray = root / diagrams.PICTURES / "0123456789abcdef.dark.svg"
    stray.write_text(SVG)
    assert draw.faults(root) == [
        f"{diagrams.PICTURES}/{stray.name} belongs to no diagram: run `make diagrams`"
    ]
    assert draw.renew(root, drawer) == (1, [stray])
    assert not stray.exists()


def test_the_figure_has_both_pictures_and_their_size(tmp_path):
    root = book(tmp_path)
    draw.renew(root, drawer)
    source = SOURCE.replace("word.", 'word, "one" & <two>.')
    (root / "book" / "page.md").write_text(f"```mermaid\n{source}```\n", encoding="utf-8")
    draw.renew(root, drawer)
    shown = diagrams.figure(source, root / diagrams.PICTURES, "../../")
    images = re.findall(r"<img [^>]*>", shown)
    assert shown.startswith('<figure class="lm-diagram"')
    for scheme, image in zip(diagrams.SCHEMES, images, strict=True):
        assert f'class="only-{scheme}"' in image
        assert f'src="../../_static/diagrams/{diagrams.digest(source)}.{scheme}.svg"' in image
        assert 'width="120" height="80"' in image
        assert 'alt="A sound becomes a word, &quot;one&quot; &amp; &lt;two&gt;."' in image


def test_a_changed_library_is_not_used(tmp_path):
    """What was fetched is checked by its sum each time, and thrown away if it differs."""
    path = tmp_path / f"{draw.PACKAGE.replace('@', '-')}.min.js"
    path.write_text("alert(1)")
    with pytest.raises(draw.DrawError, match="it was not used"):
        draw.mermaid_script(tmp_path)
    assert not path.exists()


def test_every_diagram_of_the_book_has_its_pictures():
    """Both pictures are committed, none is left over, each diagram is told in words."""
    assert draw.faults(ROOT) == []


def test_the_pictures_stand_alone():
    """Well-formed SVG without scripts, HTML, fonts or addresses of other hosts."""
    for path in sorted((ROOT / diagrams.PICTURES).glob("*.svg")):
        text = path.read_text(encoding="utf-8")
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert diagrams.size_of(text)[0] <= 760, f"{path.name} is wider than a page's text"
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"script", "foreignObject", "image", "a"}, path.name
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+[^\s\"')]*", text))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
        assert "@font-face" not in text
        assert "url(http" not in text


@pytest.mark.slow
def test_mermaid_draws(tmp_path):
    """The real thing, where Chromium is and Mermaid was fetched: twice the same, both schemes."""
    cached = ROOT / "_build" / ".mermaid" / f"{draw.PACKAGE.replace('@', '-')}.min.js"
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not (chromium and cached.is_file()):
        pytest.skip("needs Chromium, and Mermaid fetched by `make diagrams`")
    source = SOURCE.replace("sound --> word", 'a["first line<br/>second"] -- "passes" --> b(("b"))')
    first = draw.draw([source])[source]
    assert first == draw.draw([source])[source]
    for scheme in diagrams.SCHEMES:
        words = "".join(ET.fromstring(first[scheme]).itertext())
        assert "second" in words
        assert "passes" in words
    assert first["light"] != first["dark"]
    with pytest.raises(draw.DrawError, match="Mermaid says"):
        draw.draw(["%% alt: x\nno such diagram"])


@pytest.mark.slow
def test_sphinx_shows_the_figure_or_warns(tmp_path):
    """A chapter in a folder gets the figure; a diagram without picture is a warning at its line."""
    root = book(tmp_path)
    draw.renew(root, drawer)
    page = "# Page\n\n```mermaid\n%% alt: New.\nflowchart TB\n```\n"
    (root / "book" / "page.md").write_text(page, encoding="utf-8")
    chapter = root / "notebooks" / "1-part" / "1-one.md"
    chapter.with_suffix(".ipynb").unlink()
    chapter.write_text(CHAPTER, encoding="utf-8")
    (root / "index.md").write_text(
        "# Book\n\n```{toctree}\n" + "notebooks/1-part/1-one\nbook/page\n```"
    )
    (root / "conf.py").write_text(
        'extensions = ["myst_nb", "diagrams"]\nnb_execution_mode = "off"\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", str(root), str(root / "out")]
    extensions = str(ROOT / "book" / "_ext")
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": extensions, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = (root / "out/notebooks/1-part/1-one.html").read_text(encoding="utf-8")
    assert f'src="../../_static/diagrams/{diagrams.digest(SOURCE)}.dark.svg"' in shown
    assert "A sound becomes a word" in shown
    warnings = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert len(warnings) == 1
    assert "page.md:3: WARNING" in warnings[0]
    assert "make diagrams" in warnings[0]
