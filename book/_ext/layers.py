"""The directive `{from-scratch}`: every layer of `helpers/scratch`, where its mathematics, its code
and its tests are.

Nothing is listed by hand. A function is found by parsing the package, its section by the cell of a
chapter that shows its source, its tests by the names they use.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from myst_parser.mdit_to_docutils.base import default_slugify
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from status import plural, table

CODE = "helpers/scratch"
TESTS = "tests/helpers/scratch"


@dataclass
class Layer:
    """A from-scratch layer: a function, its backward pass if it has one, and where they are."""

    name: str
    path: str
    functions: list[str]
    what: str
    chapter: str
    doc: str | None = None
    section: str | None = None
    tests: list[tuple[str, str]] = field(default_factory=list)


def find_layers(root: Path) -> list[Layer]:
    """The layers under `root`, in the order of the chapters and, within one, of the code."""
    layers: dict[str, Layer] = {}
    for path in sorted((root / CODE).glob("[!_]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                base = re.sub(r"_(backward|gradient)$", "", node.name)
                if base in layers:
                    layers[base].functions.append(node.name)
                    continue
                text = ast.get_docstring(node) or ""
                chapter = re.search(r"Chapter: (\d+\.\d+)", text)
                layers[base] = Layer(
                    base,
                    path.relative_to(root).as_posix(),
                    [node.name],
                    re.split(r"\.(?:\s|$)", text, maxsplit=1)[0].replace("\n", " "),
                    chapter[1] if chapter else "",
                )
    for layer in layers.values():
        _place(root, layer)
    for path in sorted((root / TESTS).glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                used |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                used |= {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
                for layer in layers.values():
                    if used.intersection(layer.functions):
                        place = (path.relative_to(root).as_posix(), node.name)
                        layer.tests.append(place)
    order = {name: i for i, name in enumerate(layers)}
    return sorted(layers.values(), key=lambda layer: (layer.chapter, order[layer.name]))


def _place(root: Path, layer: Layer) -> None:
    """Note the chapter's page and the heading under which it shows the layer's source."""
    part, _, number = layer.chapter.partition(".")
    for path in (root / "notebooks").glob(f"{part}-*/{number}-*.ipynb"):
        layer.doc = path.relative_to(root).with_suffix("").as_posix()
        heading = None
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                heading = (re.findall(r"^##+ +(.+)$", source, re.MULTILINE) or [heading])[-1]
            for shown in re.findall(r"show_source\(([^)]*)\)", source):
                if layer.section is None and set(re.findall(r"\w+", shown)) & set(layer.functions):
                    layer.section = heading


class FromScratch(SphinxDirective):
    """A table of all layers for each chapter, and the sources folded below it."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        for folder in (CODE, TESTS):
            for path in (root / folder).glob("*.py"):
                self.env.note_dependency(str(path))
        chapters: dict[str, list[Layer]] = {}
        for layer in find_layers(root):
            chapters.setdefault(layer.doc, []).append(layer)
        for doc in chapters:
            self.env.note_dependency(str(root / f"{doc}.ipynb"))
        lines = [line for doc, layers in chapters.items() for line in chapter_lines(doc, layers)]
        container = nodes.container(classes=["lm-layers"])
        self.state.nested_parse(StringList(lines, self.env.docname), 0, container)
        return container.children


def chapter_lines(doc: str, layers: list[Layer]) -> list[str]:
    """MyST lines: a table with a row for each layer, then its code and tests, folded."""
    for layer in layers:
        if layer.section is None or not layer.tests:
            raise ExtensionError(
                f"{layer.path}: {layer.name} needs a chapter that shows its source, and a test"
            )
    rows = [
        (
            f"`{layer.name}`",
            layer.what,
            f"[{layer.section}](/{doc}.ipynb#{default_slugify(layer.section)})",
            f"[code](#code-{slug(layer.name)})",
            f"[{plural(len(layer.tests), 'test')}](#tests-{slug(layer.name)})",
        )
        for layer in layers
    ]
    lines = [f"**{{doc}}`/{doc}`**", ""]
    lines += [*table(("Name", "What it is", "Mathematics", "Code", "Tests"), rows), ""]
    for layer in layers:
        lines += folded(
            f"code-{slug(layer.name)}",
            f"{layer.path}: {', '.join(layer.functions)}",
            [(layer.path, name) for name in layer.functions],
        )
        own = sorted(layer.tests, key=lambda place: not place[1].startswith(f"test_{layer.name}"))
        lines += folded(f"tests-{slug(layer.name)}", f"{own[0][0]}: tests of {layer.name}", own[:4])
    return lines


def slug(name: str) -> str:
    return name.lower().replace("_", "-")


def folded(anchor: str, title: str, pieces: list[tuple[str, str]]) -> list[str]:
    """A dropdown that holds functions of the project's own files."""
    lines = [f"::::{{dropdown}} {title}", f":name: {anchor}", ""]
    for path, name in pieces:
        lines += [f":::{{literalinclude}} /{path}", f":pyobject: {name}", ":::", ""]
    return [*lines, "::::", ""]


def setup(app) -> dict:
    app.add_directive("from-scratch", FromScratch)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
