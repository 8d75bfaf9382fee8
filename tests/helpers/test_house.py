"""The house rules of `helpers`: floors, instant imports, a chapter for every public function."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.datasets import _HOME

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "helpers"

# Ground floor first. A module imports only from floors below its own; a folder is one room.
FLOORS = (
    ("errors", "_html", "_espeak"),
    ("_headers", "_espeak_timed"),
    ("audio",),
    ("features", "voice", "parts"),
    ("counting", "streaming"),
    ("rooms", "codecs", "watermark"),
    ("augment", "machines"),
    ("shifts",),
    ("speech",),
    ("phones", "vocoder"),
    ("splice",),
    ("datasets",),
    ("phrases",),
    ("models",),
    ("training",),
    ("metrics", "published"),
    ("privacy", "spoofing", "attribution"),
    ("enhance", "events", "music", "segment", "pipeline", "adaptive", "fingerprint"),
    ("restore", "factorise"),
    ("verdict", "plots", "show"),
    ("engrave",),
    ("listen",),
    ("scratch",),
    ("recognise", "classic", "transcribe", "compose", "tts", "assistant", "distributed"),
    ("fuzz", "experiments"),
    ("exercises",),
)
HEAVY = {
    "tensorflow",
    "keras",
    "matplotlib",
    "IPython",
    "librosa",
    "numba",
    "ipywidgets",
    "sklearn",
    "dask",
    "distributed",
}
MAY_LOAD_TENSORFLOW = {"models", "training", "transcribe"}


@functools.cache
def modules():
    """{dotted name without "helpers.": path} of every module."""
    found = {}
    for path in sorted(HELPERS.rglob("*.py")):
        parts = path.relative_to(HELPERS).with_suffix("").parts
        name = ".".join(p for p in parts if p != "__init__")
        if name:
            found[name] = path
    return found


@functools.cache
def parsed(name):
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def imports(tree, top_level=False):
    """The dotted names that a module imports, anywhere or at its top level only."""
    nodes = tree.body if top_level else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@functools.cache
def used_helpers(name):
    """The modules of `helpers` that a module imports, anywhere in it."""
    known = modules()
    return {
        target.removeprefix("helpers.")
        for target in imports(parsed(name))
        if target.startswith("helpers.") and target.removeprefix("helpers.") in known
    } - {name}


def room(name):
    return name.partition(".")[0]


def floor(name):
    return next((i for i, rooms in enumerate(FLOORS) if room(name) in rooms), None)


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_only_from_below(name):
    assert floor(name) is not None, f"say in FLOORS on which floor helpers.{room(name)} lives"
    for used in used_helpers(name):
        if room(used) != room(name):
            assert floor(used) < floor(name), f"helpers.{name} imports helpers.{used}"


def test_no_module_imports_itself_in_a_circle():
    graph = {name: used_helpers(name) for name in modules()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for used in graph[name]:
            if name not in _parents(used):  # a package naming its own module is no circle
                visit(used)
        done.add(path.pop())

    for name in graph:
        visit(name)


def _parents(name):
    parts = name.split(".")
    return {".".join(parts[:i]) for i in range(1, len(parts))}


@pytest.mark.parametrize("name", modules())
def test_relative_imports_are_not_used(name):
    levels = [n.level for n in ast.walk(parsed(name)) if isinstance(n, ast.ImportFrom)]
    assert not any(levels)


@pytest.mark.parametrize("name", [n for n in modules() if room(n) not in MAY_LOAD_TENSORFLOW])
def test_heavy_packages_are_not_imported_at_the_top(name):
    top = {target.partition(".")[0] for target in imports(parsed(name), top_level=True)}
    assert not top & HEAVY


def test_importing_helpers_loads_nothing_heavy():
    light = [
        f"helpers.{name}"
        for name in modules()
        if room(name) not in MAY_LOAD_TENSORFLOW and not name.endswith("__main__")
    ]
    program = (
        "import importlib, sys\n"
        f"for name in {light!r}: importlib.import_module(name)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
    assert done.stderr == ""


# --- every public function has its chapter -------------------------------------------------------


def public_functions():
    """[(module, function, docstring)]; names with an underscore and commands are private."""
    found = []
    for name in modules():
        if any(part.startswith("_") for part in name.split(".")):
            continue
        tree = parsed(name)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                if node.name == "main" or re.match(r"exercises\.ch\d", name):
                    continue
                found.append((name, node.name, ast.get_docstring(node) or ""))
    return found


@functools.cache
def known_chapters():
    """Chapter numbers that exist or are planned."""
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    plan = (ROOT / "book" / "plan.md").read_text(encoding="utf-8")
    written = {f"{a}.{b}" for a, b in re.findall(r"notebooks/(\d+)-[^/\s]+/(\d+)-", toc)}
    return written | set(re.findall(r"^- \*\*\[?(\d+\.\d+) ", plan, re.MULTILINE))


@pytest.mark.parametrize(
    ("module", "function", "doc"), public_functions(), ids=lambda v: v if len(v) < 40 else ""
)
def test_a_public_function_names_its_chapter(module, function, doc):
    assert doc, f"helpers.{module}.{function} has no docstring"
    named = re.findall(r"Chapters?: (\d+\.\d+)", doc)
    assert named, (
        f"helpers.{module}.{function}: say in its docstring which `Chapter: …` explains it"
    )
    assert set(named) <= known_chapters()


def reachable(start):
    """Modules that the given ones import, directly or through others."""
    found, queue = set(), list(start)
    while queue:
        name = queue.pop()
        if name in modules() and name not in found:
            found.add(name)
            queue += used_helpers(name)
    return found


def test_a_function_is_shown_or_used_in_its_chapter():
    strangers = []
    for module, function, doc in public_functions():
        for chapter in re.findall(r"Chapters?: (\d+\.\d+)", doc):
            part, number = chapter.split(".")
            for path in (ROOT / "notebooks").glob(f"{part}-*/{number}-*.ipynb"):
                text, used = _text_and_modules(path)
                if function not in text and module not in used:
                    strangers.append(f"helpers.{module}.{function} in {chapter}")
    assert not strangers


@functools.cache
def _text_and_modules(path):
    """The text of a notebook, and the modules that it uses, directly or through others."""
    text = path.read_text(encoding="utf-8")
    return text, reachable(_named_modules(text))


def _named_modules(text):
    """The modules of `helpers` that a notebook names, with the packages they are in."""
    lists = re.findall(r"from helpers import ([\w, ]+)", text)
    named = {name.strip() for names in lists for name in names.split(",")}
    named |= {f"datasets.{home}" for name, home in _HOME.items() if re.search(rf"\b{name}\b", text)}
    for target in re.findall(r"helpers\.([\w.]+)", text):
        named |= {target.rstrip("."), *_parents(target.rstrip("."))}
    return named


def test_sources_are_in_the_bibliography():
    known = set(re.findall(r"@\w+\{([^,\s]+),", (ROOT / "book/references.bib").read_text("utf-8")))
    cited = {
        (key, name)
        for name, path in modules().items()
        for key in re.findall(r"\[([a-z]+\d{4}[a-z]*)\]", path.read_text(encoding="utf-8"))
    }
    assert sorted(c for c in cited if c[0] not in known) == []
