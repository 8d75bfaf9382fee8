"""Every from-scratch layer leads to its mathematics, its code and its tests."""

import ast
import json
from pathlib import Path

import pytest
from layers import chapter_lines, find_layers

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 40


@pytest.mark.parametrize("layer", find_layers(ROOT), ids=lambda layer: layer.name)
def test_every_layer_has_its_place(layer):
    assert layer.section, f"no chapter {layer.chapter} shows the source of {layer.name}"
    assert layer.what
    assert layer.tests, f"no test in tests/helpers/scratch uses {layer.name}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("helpers/scratch/*.py")), ids=lambda path: path.name
)
def test_a_layer_can_be_read_beside_its_equation(path):
    """At most 40 lines of code, without the docstring and empty lines."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            first = body[0].lineno if body else node.lineno
            lines = [*text.splitlines()[first - 1 : node.end_lineno], "def"]
            assert sum(bool(line.strip()) for line in lines) <= LONGEST, node.name


def test_layers_are_found_in_a_small_book(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write(
        "helpers/scratch/twice.py",
        'def twice(x):\n    """Two times x. More.\n\n    Chapter: 3.1\n    """\n'
        "    return 2 * x\n\n\n"
        "def twice_backward(d, x):\n    return 2 * d\n\n\ndef _private():\n    pass\n",
    )
    write("tests/helpers/scratch/test_twice.py", "def test_doubles():\n    twice(1)\n")
    cells = [
        {"cell_type": "markdown", "source": "# 3.1 Doubling\n## First\n### Is it double?"},
        {"cell_type": "code", "source": "show_source(twice, twice_backward)"},
        {"cell_type": "markdown", "source": "## Later"},
    ]
    write("notebooks/3-mathematics/1-doubling.ipynb", json.dumps({"cells": cells}))
    (layer,) = find_layers(tmp_path)
    assert (layer.name, layer.functions) == ("twice", ["twice", "twice_backward"])
    assert layer.what == "Two times x"
    assert layer.section == "Is it double?"
    assert layer.tests == [("tests/helpers/scratch/test_twice.py", "test_doubles")]
    text = "\n".join(chapter_lines(layer.doc, [layer]))
    assert "1-doubling.ipynb#is-it-double" in text
    assert ":pyobject: twice_backward" in text
