"""`make diagrams`: draw the Mermaid diagrams of chapters and pages as SVG, for light and for dark.

    python book/_make/draw.py           draw all, remove those that no page shows any more
    python book/_make/draw.py --check   only say which pictures are missing or left over

Mermaid is fetched with npm when it is needed, checked by its sum and kept in `_build`, because it
weighs more than the book's text and is of no use to a reader. It is the version that JupyterLab
draws with. A Chromium (Debian's package, or what CHROMIUM names) runs it without network access.
The pictures are committed, so that a build needs none of this. `book/_ext/diagrams.py` says what a
diagram looks like in a page's source and puts the pictures there.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from diagrams import LANGUAGE, PICTURES, SCHEMES, alternative, digest, picture_files  # noqa: E402

PACKAGE = "mermaid@11.16.1"
SCRIPT = "dist/mermaid.min.js"
SUM = "18327bef70d96fb505fe7287d9f6a7362ebf07ff6576ddfaffb1a06f3e1a2954"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]

COLOURS = {
    "light": {
        "primaryColor": "#eaf4f6",
        "primaryBorderColor": "#00647a",
        "primaryTextColor": "#16202e",
        "secondaryColor": "#faf3dc",
        "tertiaryColor": "#f6f8fa",
        "tertiaryBorderColor": "#d5dbe3",
        "tertiaryTextColor": "#16202e",
        "lineColor": "#4d5969",
        "textColor": "#16202e",
        "edgeLabelBackground": "#ffffff",
        "background": "#ffffff",
        "clusterBkg": "#ffffff",
        "clusterBorder": "#8592a3",
    },
    "dark": {
        "primaryColor": "#1c3038",
        "primaryBorderColor": "#6cc9d6",
        "primaryTextColor": "#e6ebf2",
        "secondaryColor": "#332b12",
        "tertiaryColor": "#1b222c",
        "tertiaryBorderColor": "#38424f",
        "tertiaryTextColor": "#e6ebf2",
        "lineColor": "#adb8c7",
        "textColor": "#e6ebf2",
        "edgeLabelBackground": "#121212",
        "background": "#121212",
        "clusterBkg": "#121212",
        "clusterBorder": "#5b6878",
    },
}
"""Mermaid's colours, from the book's own (`book.css`)."""

# Only what the picture uses is kept: Mermaid writes the style and the arrows of all its diagrams.
DRAW = """async ([name, source, colours, dark]) => {
  mermaid.initialize({
    startOnLoad: false, securityLevel: "strict", deterministicIds: true, theme: "base",
    htmlLabels: false, fontFamily: "sans-serif", fontSize: 16,
    themeVariables: {...colours, fontFamily: "sans-serif", darkMode: dark},
    flowchart: {htmlLabels: false, useMaxWidth: false, padding: 12, nodeSpacing: 36,
                rankSpacing: 40, wrappingWidth: 260},
    themeCSS: ".edgeLabel rect { opacity: 1; }",
    sequence: {useMaxWidth: false}, state: {useMaxWidth: false}, class: {useMaxWidth: false},
  });
  const holder = document.body.appendChild(document.createElement("div"));
  holder.innerHTML = (await mermaid.render(name, source, holder)).svg;
  const svg = holder.querySelector("svg");
  for (const style of svg.querySelectorAll("style")) {
    const kept = [...style.sheet.cssRules].filter(
      rule => rule.selectorText && document.querySelector(rule.selectorText));
    style.textContent = kept.map(rule => rule.cssText).join("\\n");
  }
  for (const part of svg.querySelectorAll("marker, linearGradient, filter")) {
    if (!svg.outerHTML.includes(`#${part.id})`)) part.remove();
  }
  for (const part of svg.querySelectorAll("*")) {
    for (const {name} of [...part.attributes]) if (name.startsWith("data-")) {
      part.removeAttribute(name);
    }
  }
  for (const part of [...svg.querySelectorAll("g, defs")].reverse()) {
    if (!part.childElementCount) part.remove();
  }
  const outside = svg.querySelectorAll("foreignObject, image, script").length;
  const text = new XMLSerializer().serializeToString(svg);
  holder.remove();
  return [text, outside];
}"""


class DrawError(RuntimeError):
    """The diagrams cannot be drawn; the message says why and what to do."""


def fences(markdown):
    """The mermaid diagrams in a Markdown text, as a list of str."""
    from markdown_it import MarkdownIt

    return [
        token.content
        for token in MarkdownIt("commonmark").parse(markdown)
        if token.type == "fence" and token.info.strip() == LANGUAGE
    ]


def diagrams_of(root):
    """[(place, source)] of all diagrams of the book in `root`: chapters first, then pages."""
    found = []
    for path in sorted((root / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                place = f"{path.relative_to(root).as_posix()}, cell {cell.get('id', '?')}"
                found += [(place, source) for source in fences("".join(cell["source"]))]
    for path in sorted((root / "book").glob("*.md")):
        place = path.relative_to(root).as_posix()
        found += [(place, source) for source in fences(path.read_text(encoding="utf-8"))]
    return found


def faults(root):
    """What is wrong with the pictures in `root`: missing, left over, or without alternative."""
    found, wanted = [], set()
    for place, source in diagrams_of(root):
        try:
            alternative(source)
        except ValueError as error:
            found.append(f"{place}: {error}")
        for path in picture_files(root / PICTURES, source).values():
            wanted.add(path)
            if not path.is_file():
                found.append(f"{place}: {PICTURES}/{path.name} is missing: run `make diagrams`")
    for path in left_over(root, wanted):
        found.append(f"{PICTURES}/{path.name} belongs to no diagram: run `make diagrams`")
    return found


def left_over(root, wanted):
    """Files among the pictures that no diagram asks for, sorted."""
    folder = root / PICTURES
    return sorted(set(folder.iterdir()) - set(wanted)) if folder.is_dir() else []


def tidy(svg):
    """A picture's text with numbers of at most two decimals: smaller, and steadier."""
    svg = re.sub(r"\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), svg)
    return svg.strip() + "\n"


def mermaid_script(cache=ROOT / "_build" / ".mermaid"):
    """The path of Mermaid's script, fetched with npm if it is not there yet; raises DrawError."""
    path = cache / f"{PACKAGE.replace('@', '-')}.min.js"
    if not path.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise DrawError("npm is needed to fetch Mermaid: install Node.js")
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                [npm, "pack", PACKAGE, "--silent", "--pack-destination", scratch],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise DrawError(f"npm could not fetch {PACKAGE}:\n{done.stderr.strip()}")
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
                archive.extract(f"package/{SCRIPT}", scratch, filter="data")
            cache.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(scratch) / "package" / SCRIPT, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SUM:
        path.unlink()
        raise DrawError(f"{PACKAGE} has the sum {found}, not {SUM}: it was not used, and removed")
    return path


def draw(sources):
    """{source: {scheme: SVG text}} of the diagrams; raises DrawError naming the one that fails."""
    named = os.environ.get("CHROMIUM")
    program = named or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise DrawError("there is no Chromium on this machine: install Debian's package `chromium`")
    from playwright.sync_api import Error, sync_playwright

    script, drawn = mermaid_script(), {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        context = chromium.new_context(offline=True)
        tab = context.new_page()
        tab.set_content("<!DOCTYPE html><html><body></body></html>")
        tab.add_script_tag(path=script)
        for source in sources:
            pictures = drawn[source] = {}
            for scheme in SCHEMES:
                name = f"d{digest(source)}"
                request = [name, source, COLOURS[scheme], scheme == "dark"]
                try:
                    svg, outside = tab.evaluate(DRAW, request)
                except Error as error:
                    raise DrawError(f"Mermaid says: {error.message}\n\n{source}") from None
                if outside:
                    raise DrawError(f"a picture would need HTML or another file:\n\n{source}")
                pictures[scheme] = tidy(svg)
        chromium.close()
    return drawn


def renew(root, drawer=draw):
    """Draw the diagrams of the book in `root`, remove pictures left over; (number, changed)."""
    found = diagrams_of(root)
    for place, source in found:
        try:
            alternative(source)
        except ValueError as error:
            raise DrawError(f"{place}: {error}") from None
    sources = list(dict.fromkeys(source for _, source in found))
    pictures = drawer(sources) if sources else {}
    changed, wanted = [], set()
    for source, texts in pictures.items():
        for scheme, path in picture_files(root / PICTURES, source).items():
            wanted.add(path)
            if not path.is_file() or path.read_text(encoding="utf-8") != texts[scheme]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(texts[scheme], encoding="utf-8")
                changed.append(path)
    for path in left_over(root, wanted):
        path.unlink()
        changed.append(path)
    return len(sources), changed


def main(arguments=None):
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make diagrams", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="draw nothing, say what is wrong")
    options = parser.parse_args(arguments)
    say = functools.partial(print, file=sys.stderr)
    if options.check:
        wrong = faults(ROOT)
        for fault in wrong:
            say(fault)
        return 1 if wrong else 0
    try:
        number, changed = renew(ROOT)
    except DrawError as error:
        say(error)
        return 1
    names = "".join(f"\n  {path.relative_to(ROOT)}" for path in changed)
    print(f"{number} diagrams; {len(changed)} pictures changed{names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
