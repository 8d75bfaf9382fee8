"""The contract of a chapter: what every notebook of the table of contents looks like.

`faults(notebook, chapter)` returns what is wrong with one chapter, in words, and is itself tested,
on a small chapter that is right and on many that are wrong in one way.

Numbers in prose come from the run, so a number followed by %, dB or "percentage points" is refused
in the text of a chapter. It may stand there

- as code or mathematics, `10 dB` or $10$ dB: a setting, not a result;
- in a sentence that cites where it comes from, {cite:p}`…`;
- in a sentence with the comment <!-- constant: why --> in it or right behind it.
"""

import ast
import copy
import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LONGEST_CELL = 20
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
CLOSING = ["Summary", "Exercises", "Further reading"]
ABLE = "You will be able to"
RESULT = re.compile(
    r"\d[\d\s.,–-]*\s*(?:%|‰|dB\b|per ?cent\b|percentage[ -]points?\b)", re.IGNORECASE
)
CITED = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
CONSTANT = re.compile(r"<!--\s*constant:\s*\S.*?-->", re.DOTALL)
DRAWS = {
    "plots": {
        "subplots", "waveform", "spectrogram", "curves", "confusion", "per_group", "calibration",
        "forest", "dots", "piano_roll",
    },
    "plt": {"subplots", "figure", "plot", "imshow", "bar", "hist", "scatter"},
}  # fmt: skip


# --- reading a notebook --------------------------------------------------------------------------


def toc_files():
    """The files that _toc.yml names, in order, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found = [toc["root"]]

    def walk(node):
        if isinstance(node, dict):
            if "file" in node:
                found.append(node["file"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk({key: value for key, value in toc.items() if key != "root"})
    return found


def chapters():
    """{chapter number: path} of the notebooks in the table of contents."""
    found = {}
    for name in toc_files():
        match = re.fullmatch(r"notebooks/(\d+)-[^/]+/(\d+)-[^/]+", name)
        path = ROOT / f"{name}.ipynb"
        if match and path.exists():
            found[f"{match[1]}.{match[2]}"] = path
    return found


def outline(notebook):
    """The notebook as a list of (kind, content): "h1" … "h4" and text; "text"; "code" and cell."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts.append(("code", cell))
            continue
        text, fenced = [], False
        for line in cell.source.splitlines():
            fenced ^= bool(re.match(r"\s*(?:```|~~~|:::)", line))
            heading = re.match(r"(#{1,4})\s+(.+)", line)
            if heading and not fenced:
                parts.append(("text", "\n".join(text)))
                parts.append((f"h{len(heading[1])}", heading[2].strip()))
                text = []
            else:
                text.append(line)
        parts.append(("text", "\n".join(text)))
    return [part for part in parts if part[0] == "code" or part[1].strip()]


def sections(notebook):
    """[(heading of level 2 or None for what comes before, [parts])]."""
    result = [(None, [])]
    for kind, content in outline(notebook):
        if kind == "h2":
            result.append((content, []))
        else:
            result[-1][1].append((kind, content))
    return result


def tree_of(cell):
    """The syntax tree of a code cell; lines of IPython's own syntax are left out."""
    lines = ["pass" if re.match(r"\s*[%!]", x) else x for x in cell.source.splitlines()]
    return ast.parse("\n".join(lines))


def calls(parts, *names):
    """[(name, call)] of the functions called in code cells, by their last name."""
    found = []
    for kind, cell in parts:
        if kind != "code":
            continue
        for node in ast.walk(tree_of(cell)):
            if isinstance(node, ast.Call):
                function = node.func
                name = getattr(function, "attr", getattr(function, "id", None))
                if name in names:
                    found.append((name, node))
    return found


def first_argument(call):
    argument = call.args[0] if call.args else None
    return argument.value if isinstance(argument, ast.Constant) else None


def claim_ids(notebook):
    return [first_argument(call) for _, call in calls(outline(notebook), "verdict")]


# --- the contract --------------------------------------------------------------------------------


def faults(notebook, chapter, registered=None):
    """What is wrong with a chapter, a list of texts.

    registered: the ids of its exercises in helpers.exercises, if they are to be compared.
    """
    found = []
    for check in (storage, code_cells, figures, opening, questions, closing, typed_results):
        found += check(notebook, chapter)
    return found + exercises(notebook, chapter, registered)


def storage(notebook, chapter):
    """Stored without outputs, except short text where nbval compares it."""
    found = []
    if "widgets" in notebook.metadata:
        found.append("widget state is stored in the notebook")
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        compared = "nbval-check-output" in cell.metadata.get("tags", [])
        if cell.execution_count is not None:
            found.append(f"cell {i}: an execution count is stored")
        if cell.outputs and not compared:
            found.append(f"cell {i}: outputs are stored")
        for output in cell.outputs if compared else []:
            if output.output_type != "stream" or len(output.text) > 2000:
                found.append(f"cell {i}: a compared output must be short printed text")
    return found


def code_cells(notebook, chapter):
    found = []
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        length = len(cell.source.strip().splitlines())
        if length > LONGEST_CELL and not HIDDEN & set(cell.metadata.get("tags", [])):
            found.append(f"cell {i}: {length} lines; at most {LONGEST_CELL} unless hide-input")
        for node in ast.walk(tree_of(cell)):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.match(r"(?:/|~/|[A-Za-z]:[\\/])[\w.]", text):
                found.append(f"cell {i}: the absolute path {text!r}")
    return found


def figures(notebook, chapter):
    """Every figure goes through plots.show(fig, alt=…), every sound through helpers.listen."""
    found = []
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        drawn, shown = False, False
        tree = tree_of(cell)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            owner = getattr(getattr(node.func, "value", None), "id", None)
            drawn |= name in DRAWS.get(owner, ())
            if owner == "plt" and name == "show":
                found.append(f"cell {i}: plt.show() carries no text; use plots.show(fig, alt=…)")
            if owner == "plots" and name == "show":
                shown = True
                if "alt" not in {k.arg for k in node.keywords}:
                    found.append(f"cell {i}: plots.show without alt=")
            if name == "Audio":
                found.append(f"cell {i}: Audio has no label; use helpers.listen.player")
        defines = any(isinstance(node, ast.FunctionDef) for node in tree.body)
        if drawn and not shown and not defines:
            found.append(f"cell {i}: a figure is drawn but not shown with plots.show(fig, alt=…)")
    players = calls(
        outline(notebook),
        *("player", "players", "table_of_players", "compare", "explorer", "listening_test"),
    )
    if players and not any("credit" in {k.arg for k in call.keywords} for _, call in players):
        found.append("there are players, but none gives credit=")
    return found


def opening(notebook, chapter):
    found = []
    parts = outline(notebook)
    if not parts or parts[0][0] != "h1":
        found.append("the first cell does not begin with a title")
    if sum(kind == "h1" for kind, _ in parts) != 1:
        found.append("there must be exactly one title (# …)")
    if len(parts) < 2 or parts[1][0] != "text" or ABLE in parts[1][1].strip().split("\n\n")[0]:
        found.append("the title is not followed by a sentence on what the reader will find out")
    facts = calls(parts, "chapter_facts")
    if len(facts) != 1 or first_argument(facts[0][1]) != chapter:
        found.append(f'chapter_facts("{chapter}", …) must be called once')
    else:
        question = next((i for i, (k, c) in enumerate(parts) if k == "h2" and c.endswith("?")), 0)
        if not calls(parts[:question], "chapter_facts"):
            found.append("chapter_facts must come before the first question")
    able = "\n".join(str(c) for k, c in parts if k != "code").partition(ABLE)[2]
    listed = re.match(
        r"[^\n]*\n\s*\n?((?:\s*(?:[-*]|\d+\.) [^\n]*\n?(?:  [^\n]*\n?)*)+)", able + "\n"
    )
    verbs = len(re.findall(r"^\s*(?:[-*]|\d+\.) ", listed[1], re.MULTILINE)) if listed else 0
    if not 3 <= verbs <= 5:
        found.append(f'"{ABLE} …" must be followed by a list of 3 to 5 verbs, not {verbs}')
    return found


def questions(notebook, chapter):
    """Every section that asks a question closes with a verdict; there are at least two."""
    found, asked = [], 0
    for heading, parts in sections(notebook):
        if heading is None or not heading.rstrip("*_ ").endswith("?"):
            continue
        asked += 1
        if not calls(parts, "verdict"):
            found.append(f'the section "{heading}" asks a question but has no verdict')
    if asked < 2:
        found.append("at least two sections must ask a question (## …?) and close with a verdict")
    for claim in claim_ids(notebook):
        if claim is None:
            found.append("a verdict's id must be written out as its first argument")
        elif not str(claim).startswith(f"{chapter}-"):
            found.append(f"the claim {claim!r} does not begin with {chapter}-")
    return found


def closing(notebook, chapter):
    found = []
    headings = [heading for heading, _ in sections(notebook) if heading]
    if headings[-3:] != CLOSING:
        found.append(f"the last three sections must be {', '.join(CLOSING)}, not {headings[-3:]}")
        return found
    summary, _, reading = (parts for _, parts in sections(notebook)[-3:])
    if not calls(summary, "summary"):
        found.append("the summary is not rendered by a cell that calls summary(f…)")
    text = "\n".join(content for kind, content in reading if kind == "text")
    works = re.split(r"^[-*] ", text, flags=re.MULTILINE)[1:]
    if not 3 <= len(works) <= 6:
        found.append(f"further reading lists {len(works)} works, not 3 to 6")
    found += [f"not cited: {work.strip()!r}" for work in works if not CITED.search(work)]
    return found


def exercises(notebook, chapter, registered=None):
    found = []
    parts = next((p for heading, p in sections(notebook) if heading == "Exercises"), [])
    ids = {}
    for name in ("check", "hint", "solution"):
        ids[name] = [first_argument(call) for _, call in calls(parts, name)]
    for id in dict.fromkeys(ids["check"]):
        for name in ("hint", "solution"):
            if id not in ids[name]:
                found.append(f"exercise {id} has no {name}")
    if len(set(ids["check"])) < 4:
        found.append(f"{len(set(ids['check']))} exercises have a check; at least 4 are needed")
    text = "\n".join(str(content) for kind, content in parts if kind != "code")
    found += [
        f"exercise {id} is not asked in the text" for id in ids["check"] if str(id) not in text
    ]
    if registered is not None and set(ids["check"]) != set(registered):
        found.append(
            f"the chapter checks {sorted(map(str, set(ids['check'])))}, but helpers.exercises has "
            f"{sorted(registered)}"
        )
    return found


def typed_results(notebook, chapter):
    """Numbers that look like results and are typed, in prose or in the text of a summary."""
    found = []
    for kind, content in outline(notebook):
        if kind == "code":
            for name, call in calls([(kind, content)], "summary"):
                for text in literal_texts(call):
                    found += [f"typed in {name}(): {m[0]!r}" for m in RESULT.finditer(text)]
            continue
        for sentence in sentences(content):
            found += (
                [f"typed, not measured: {sentence.strip()!r}"] if RESULT.search(sentence) else []
            )
    return found


def literal_texts(call):
    """The texts written out in a call; the fields of an f-string end one and begin the next."""
    return [
        node.value
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def sentences(text):
    """The sentences of Markdown without code and mathematics; none that cites or is allowed."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^%.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"([.!?:;]?)\s*" + CONSTANT.pattern, r" ⟦allowed⟧\1", text, flags=re.DOTALL)
    text = CITED.sub("⟦allowed⟧", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", "⟦⟧", text, flags=re.DOTALL)
    split = re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*(?=[-*|] )", text)
    return [" ".join(s.split()) for s in split if s.strip() and "⟦allowed⟧" not in s]


# --- the book ------------------------------------------------------------------------------------


def test_every_page_of_the_table_of_contents_exists():
    missing = [
        name
        for name in toc_files()
        if not any((ROOT / f"{name}{suffix}").exists() for suffix in (".md", ".ipynb"))
    ]
    assert not missing


def test_every_notebook_is_in_the_table_of_contents():
    stray = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in (ROOT / "notebooks").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    } - set(toc_files())
    assert not stray


@pytest.mark.parametrize("chapter", chapters())
def test_chapter(chapter):
    from helpers import exercises as register

    notebook = nbformat.read(chapters()[chapter], as_version=4)
    registered = []
    if chapter in register.chapters():
        registered = [e.id for e in register.of_chapter(chapter)]
    assert faults(notebook, chapter, registered) == []


@pytest.mark.parametrize("chapter", chapters())
def test_citations_are_in_the_bibliography(chapter):
    text = "\n".join(c.source for c in nbformat.read(chapters()[chapter], as_version=4).cells)
    cited = {key.strip() for keys in CITED.findall(text) for key in keys.split(",")}
    known = set(re.findall(r"@\w+\{([^,\s]+),", (ROOT / "book/references.bib").read_text("utf-8")))
    assert cited <= known


def test_claims_are_unique_in_the_book():
    ids = [
        claim
        for path in chapters().values()
        for claim in claim_ids(nbformat.read(path, as_version=4))
    ]
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)


# --- the contract, tested ------------------------------------------------------------------------

_EXERCISES = "".join(
    f"""
### Exercise 0.1.{n}

What is it?

>>> answer = ...
check("0.1.{n}", answer)
hint("0.1.{n}")
solution("0.1.{n}")
"""
    for n in range(1, 5)
)

GOOD = f"""
# A small chapter

What does a small chapter look like?

**You will be able to**

- read it,
- write it, with care
  and patience,
- test it.

>>> from helpers import plots
chapter_facts("0.1", reading_minutes=5, data="none")

## Is it small?

Listening begins at `0 dB`, chance is $10$ %; FSDD has six speakers at 8 kHz.
Humans reach 95.7 % {{cite:p}}`piczak2015`. We ask for 95 %. <!-- constant: the usual level -->

>>> fig, ax = plots.waveform(x, 8000)
plots.show(fig, alt="A line.")
player(x, 8000, "x", credit="CC0")
verdict("0.1-small", claim="It is.")

## Is it good?

>>> verdict("0.1-good", claim="It is.")

## Summary

>>> summary(f"It reached {{v:.1f}} %.")

## Exercises
{_EXERCISES}
## Further reading

- {{cite:t}}`a`: why.
- {{cite:t}}`b`: why.
- {{cite:t}}`c`: why.
"""


def notebook_of(text):
    """A notebook of text in which >>> begins a code cell and an empty line ends it."""
    cells = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.startswith(">>> "):
            cells.append(nbformat.v4.new_code_cell(block[4:]))
        elif cells and cells[-1].cell_type == "markdown":
            cells[-1].source += "\n\n" + block
        else:
            cells.append(nbformat.v4.new_markdown_cell(block))
    return nbformat.v4.new_notebook(cells=cells)


def test_a_good_chapter_has_no_faults():
    assert faults(notebook_of(GOOD), "0.1", [f"0.1.{n}" for n in range(1, 5)]) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("# A small chapter\n", "A small chapter\n", "begin with a title"),
        ("## Is it small?", "# Is it small?", "exactly one title"),
        ("What does a small chapter look like?", "", "sentence on what"),
        ('chapter_facts("0.1"', 'chapter_facts("0.2"', "chapter_facts"),
        ("- test it.\n", "", "3 to 5 verbs"),
        ("**You will be able to**", "Now", "3 to 5 verbs"),
        ('verdict("0.1-good", claim="It is.")', "pass", "has no verdict"),
        ("## Is it good?", "## It is good", "at least two sections"),
        ('"0.1-good"', '"0.2-good"', "does not begin with 0.1-"),
        ('"0.1-good"', "name", "written out"),
        ("## Summary", "## Summing up", "last three sections"),
        ("summary(f", "print(f", "rendered by a cell"),
        ("- {cite:t}`c`: why.", "", "2 works"),
        ("{cite:t}`c`", "a book", "not cited"),
        ('hint("0.1.3")', "", "0.1.3 has no hint"),
        ('solution("0.1.3")', "", "0.1.3 has no solution"),
        ('check("0.1.4", answer)', "", "at least 4"),
        ("Exercise 0.1.2", "Exercise", "not asked"),
        (', alt="A line."', "", "without alt="),
        ('plots.show(fig, alt="A line.")', "plt.show()", "carries no text"),
        ('plots.show(fig, alt="A line.")', "pass", "not shown with"),
        (', credit="CC0"', "", "none gives credit="),
        ("player(x", "Audio(x", "has no label"),
        ("player(x", "open('/home/me/x.wav'); player(x", "absolute path"),
        ("player(x", "open('C:/x.wav'); player(x", "absolute path"),
        ("answer = ...\n", "answer = ...\n" + "x = 1\n" * 17, "21 lines"),
        ("{cite:p}`piczak2015`", "", "typed, not measured"),
        (" <!-- constant: the usual level -->", "", "typed, not measured"),
        ("`0 dB`", "0 dB", "typed, not measured"),
        ("$10$ %", "10 per cent", "typed, not measured"),
        ("is $10$ %", "is 3.5 percentage points", "typed, not measured"),
        ("{v:.1f} %", "91.0 %", "typed in summary()"),
    ],
)
def test_the_contract_notices(old, new, fault):
    assert GOOD.count(old) >= 1
    notebook = notebook_of(GOOD.replace(old, new, 1))
    found = faults(notebook, "0.1", [f"0.1.{n}" for n in range(1, 5)])
    assert any(fault in text for text in found), found


def test_the_contract_notices_what_is_stored():
    notebook = copy.deepcopy(notebook_of(GOOD))
    cell = next(c for c in notebook.cells if c.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
    assert any("outputs are stored" in f for f in faults(notebook, "0.1"))
    cell.metadata["tags"] = ["nbval-check-output"]
    assert faults(notebook, "0.1") == []
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": "<b>"})]
    assert any("short printed text" in f for f in faults(notebook, "0.1"))
    cell.outputs, cell.execution_count = [], 3
    assert any("execution count" in f for f in faults(notebook, "0.1"))
    notebook.metadata["widgets"] = {}
    assert any("widget state" in f for f in faults(notebook, "0.1"))


def test_long_cells_may_be_hidden():
    notebook = notebook_of(GOOD)
    cell = next(c for c in notebook.cells if c.cell_type == "code")
    cell.source += "\nx = 1" * 30
    assert any("lines; at most" in f for f in faults(notebook, "0.1"))
    cell.metadata["tags"] = ["hide-input"]
    assert faults(notebook, "0.1") == []


def test_exercises_and_register_must_agree():
    found = faults(notebook_of(GOOD), "0.1", ["0.1.1", "0.1.2"])
    assert any("helpers.exercises has ['0.1.1', '0.1.2']" in f for f in found)
