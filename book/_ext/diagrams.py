"""Sphinx extension: Mermaid diagrams as pictures, so that a page needs no script and no other host.

A fence with the language `mermaid`, in a notebook or on a page, becomes a figure with two pictures,
one for light and one for dark, that `make diagrams` has drawn beforehand. JupyterLab draws the same
fence itself. The fence's first line is its text alternative:

    ```mermaid
    %% alt: Sound becomes features, features become a word.
    flowchart TB
      sound --> features --> word
    ```

The pictures are found by the content of the fence (`digest`), so a diagram that was changed and not
drawn again is a warning, which stops the build.
"""

import hashlib
import html
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

LANGUAGE = "mermaid"
PICTURES = "book/_static/diagrams"
SCHEMES = ("light", "dark")
LOGGER = logging.getLogger(__name__)


class DiagramError(ValueError):
    """A diagram cannot be shown; the message says why and what to do."""


def normalise(source):
    """The source of a diagram without what does not change it: blanks at ends of lines and text."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def digest(source):
    """The name of a diagram's pictures: 16 hex digits of the SHA-256 of its source."""
    return hashlib.sha256(normalise(source).encode()).hexdigest()[:16]


def alternative(source):
    """The text alternative, from the first line `%% alt: …`; raises DiagramError without one."""
    found = re.match(r"%%\s*alt:[ \t]*(\S.*)", normalise(source))
    if not found:
        raise DiagramError(
            "a mermaid diagram must begin with a line that says in words what it shows, "
            "`%% alt: Sound becomes features, features become a word.`"
        )
    return found[1]


def picture_files(folder, source):
    """{"light": path, "dark": path} of the pictures in `folder`, whether they exist or not."""
    return {scheme: Path(folder) / f"{digest(source)}.{scheme}.svg" for scheme in SCHEMES}


def size_of(svg):
    """(width, height) of an SVG's text by its viewBox, whole pixels; raises DiagramError."""
    box = re.search(r'<svg\b[^>]*\bviewBox="([-\d.]+) ([-\d.]+) ([\d.]+) ([\d.]+)"', svg)
    if not box:
        raise DiagramError("the picture of a diagram has no viewBox: run `make diagrams` again")
    return round(float(box[3])), round(float(box[4]))


def figure(source, folder, up=""):
    """The diagram as HTML: a figure with a picture for light and one for dark.

    folder: where the pictures are. up: from the page to the site's root, such as "../../". Raises
    DiagramError if the text alternative or a picture is missing.
    """
    alt = html.escape(alternative(source))
    images = []
    for scheme, path in picture_files(folder, source).items():
        if not path.is_file():
            raise DiagramError(
                f"the diagram has no picture {PICTURES}/{path.name}: run `make diagrams`, look at "
                "the picture and commit it"
            )
        width, height = size_of(path.read_text(encoding="utf-8"))
        images.append(
            f'<img class="only-{scheme}" src="{up}_static/diagrams/{path.name}" alt="{alt}" '
            f'width="{width}" height="{height}" loading="lazy" '
            'style="display:block;height:auto;margin:0 auto;max-width:100%">'
        )
    return f'<figure class="lm-diagram" style="margin:1.4rem 0">{"".join(images)}</figure>'


class DiagramTransform(SphinxTransform):
    """Put figures in the place of mermaid fences."""

    default_priority = 400

    def apply(self, **_):
        folder = Path(self.app.srcdir) / PICTURES
        up = "../" * self.env.docname.count("/")
        for node in list(self.document.findall(nodes.literal_block)):
            if node.get("language") != LANGUAGE:
                continue
            for path in picture_files(folder, node.astext()).values():
                self.env.note_dependency(str(path))
            try:
                shown = figure(node.astext(), folder, up)
            except DiagramError as error:
                LOGGER.warning(str(error), location=node)
                node["language"] = "text"
                continue
            node.replace_self(nodes.raw("", shown, format="html"))


def setup(app):
    """Register the transform."""
    app.add_transform(DiagramTransform)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
