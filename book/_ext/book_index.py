"""The directive `{book-index}`: terms and people, each with links to the sections that treat them.

`book/index-terms.yml` says which sections; no page or anchor is typed. A section that a chapter
does not have stops the build. The second part, the functions of `helpers`, comes from their
docstrings by way of the record of the build.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from myst_parser.mdit_to_docutils.base import default_slugify
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

TERMS = "book/index-terms.yml"
DEEPEST = 3
"""Headings below this level have no anchor (`myst_heading_anchors`)."""


def headings(notebook: dict) -> dict[str, str]:
    """The headings below a notebook's title, and their anchors."""
    found, taken = {}, {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        source = re.sub(r"^(```+|~~~+).*?^\1", "", "".join(cell["source"]), flags=re.M | re.S)
        for level, text in re.findall(r"^(#+) +(.+?) *$", source, re.MULTILINE):
            if len(level) > DEEPEST:
                continue
            slug = default_slugify(text)
            taken[slug] = taken.get(slug, -1) + 1
            anchor = f"{slug}-{taken[slug]}" if taken[slug] else slug
            if len(level) > 1:
                found.setdefault(text, anchor)
    return found


def chapters_of(root: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Each chapter's page and headings by its number, from the notebooks under `root`."""
    found = {}
    for path in sorted(root.glob("notebooks/*/*.ipynb")):
        number = ".".join(part.split("-")[0] for part in path.parts[-2:])
        page = path.relative_to(root).with_suffix("").as_posix()
        found[number] = (page, headings(json.loads(path.read_text(encoding="utf-8"))))
    return found


def entries(terms: dict, chapters: dict) -> tuple[dict[str, list[str]], list[str]]:
    """The links of each term as MyST, and what is wrong with the list, in words."""
    found, faults = {}, []
    for term, places in terms.items():
        links = []
        for place in [places] if isinstance(places, str) else places:
            number, _, heading = place.partition(" ")
            if number == "see":
                if heading not in terms:
                    faults.append(f"{term}: there is no entry {heading!r} to see")
                links.append(f"see *{heading}*")
            elif number not in chapters:
                faults.append(f"{term}: there is no chapter {number}")
            elif heading and heading not in chapters[number][1]:
                faults.append(f"{term}: chapter {number} has no heading {heading!r}")
            else:
                page, anchors = chapters[number]
                target = f"/{page}.ipynb#{anchors[heading]}" if heading else f"/{page}.ipynb"
                links.append(f"[{place if heading else f'Chapter {number}'}]({target})")
        found[term] = links
    return found, faults


def letter_of(term: str) -> str:
    """The letter under which a term stands, without accents."""
    return unicodedata.normalize("NFKD", term)[0].upper()


def lines_of(found: dict[str, list[str]]) -> list[str]:
    """MyST lines: letters to jump to, and under each letter its terms."""
    ordered = sorted(found, key=lambda term: unicodedata.normalize("NFKD", term).casefold())
    letters = list(dict.fromkeys(map(letter_of, ordered)))
    lines = [" · ".join(f"[{letter}](#index-{letter.lower()})" for letter in letters)]
    for letter in letters:
        lines += ["", f":::{{rubric}} {letter}", f":name: index-{letter.lower()}", ":::", ""]
        lines += [
            f"- **{term}**: {'; '.join(found[term])}"
            for term in ordered
            if letter_of(term) == letter
        ]
    return lines


def function_lines(functions: list[dict], chapters: dict) -> list[str]:
    """MyST lines: the functions of each module, under the chapter that explains them."""
    lines = []
    for number, (page, _) in chapters.items():
        modules: dict[str, list[str]] = {}
        for function in functions:
            if function["chapter"] == number:
                modules.setdefault(function["module"], []).append(f"`{function['name']}`")
        if modules:
            lines += [f"**{{doc}}`/{page}`**", ""]
            lines += [f"- `{module}`: {', '.join(names)}" for module, names in modules.items()]
            lines.append("")
    return lines


class FromChapters(SphinxDirective):
    """A directive whose MyST lines are made from the chapters, and are read again with them."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        for path in [root / TERMS, root / "_record.json", *root.glob("notebooks/*/*.ipynb")]:
            self.env.note_dependency(str(path))
        container = nodes.container(classes=["lm-index"])
        lines = self.lines(root, chapters_of(root))
        self.state.nested_parse(StringList(lines, self.env.docname), 0, container)
        return container.children

    def lines(self, root: Path, chapters: dict) -> list[str]:
        raise NotImplementedError


class BookIndex(FromChapters):
    """The terms of `index-terms.yml`."""

    def lines(self, root: Path, chapters: dict) -> list[str]:
        terms = yaml.safe_load((root / TERMS).read_text(encoding="utf-8"))
        found, faults = entries(terms, chapters)
        if faults:
            raise ExtensionError("\n".join([f"{TERMS}:", *faults]))
        return lines_of(found)


class FunctionIndex(FromChapters):
    """The public functions and classes of `helpers`."""

    def lines(self, root: Path, chapters: dict) -> list[str]:
        path = root / "_record.json"
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        lines = function_lines(record.get("functions", []), chapters)
        return lines or ["*There is no record: this build was not made with `make book`.*"]


def setup(app) -> dict:
    app.add_directive("book-index", BookIndex)
    app.add_directive("function-index", FunctionIndex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
