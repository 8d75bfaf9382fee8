"""Sphinx extension: what every page of the site shares.

* The repository's address is set in one place, `repository: url:` in `_config.yml`. While it is
  empty no button and no link points at a repository; once it is set the buttons appear.
* Every page gets a description for search engines: the front matter's `html_meta` if there is one,
  otherwise the page's first paragraph.
* sphinx-thebe, which Jupyter Book always loads, is switched off. It registers its inline script
  after the HTML builder has read the list of scripts, so Sphinx keeps it twice and every page
  declares the constant THEBE_JS_URL twice, an error in the browser's console. The book runs
  locally and has no use for it.
"""

import html
import re

from docutils import nodes

LONGEST_DESCRIPTION = 155
BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")


def switch_off_thebe(app, _config):
    """Disconnect sphinx-thebe's listeners and its style sheet."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener for listener in listeners if listener.handler.__module__ != "sphinx_thebe"
        ]
    app.registry.css_files[:] = [
        (name, attributes) for name, attributes in app.registry.css_files if "thebe" not in name
    ]


def repository_buttons(_app, config):
    """Show the repository's buttons exactly when its address is known."""
    options = config.html_theme_options
    known = bool((options.get("repository_url") or "").strip())
    for button in BUTTONS:
        options[button] = known
    if not known:
        options.pop("repository_url", None)


def first_paragraph(doctree):
    """The text of the first paragraph of at least 40 characters, on one line; '' if none."""
    for node in doctree.findall(nodes.paragraph):
        text = re.sub(r"\s+", " ", node.astext()).strip()
        inside = node.parent
        while inside is not None and not isinstance(inside, nodes.Admonition | nodes.container):
            inside = inside.parent
        if len(text) >= 40 and inside is None:
            return text
    return ""


def shorten(text, longest=LONGEST_DESCRIPTION):
    """`text`, cut at a word's end with an ellipsis if it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:—– ") + "…"


def describe_page(app, _pagename, _template, context, doctree):
    """Add a meta description to a page that has none."""
    tags = context.get("metatags") or ""
    if re.search(r"""<meta[^>]*name=["']description["']""", tags):
        return
    text = shorten(first_paragraph(doctree)) if doctree is not None else ""
    text = text or f"{context.get('title') or 'Page'} · {app.config.html_title}"
    context["metatags"] = tags + f'\n<meta name="description" content="{html.escape(text)}">\n'


def setup(app):
    """Connect the handlers."""
    app.connect("config-inited", repository_buttons)
    app.connect("config-inited", switch_off_thebe)
    app.connect("html-page-context", describe_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
