"""What every box, player and listing of the book is made of: escaped, self-contained HTML.

A chapter is read in two places: on the built site and in JupyterLab, each light or dark. Neither
loads a style sheet of ours into the other, so the style travels inline, in colours that are custom
properties of the site's theme (`--pst-…`) or else of JupyterLab's (`--jp-…`) or else fixed. The
site's properties come first, because widgets on a site page bring JupyterLab's light ones along.
The classes `lm-…` are there for a style sheet that wants to do more.
"""

import base64
import html

TEXT = "var(--pst-color-text-base,var(--jp-content-font-color1,#1f2328))"
MUTED = "var(--pst-color-text-muted,var(--jp-content-font-color2,#57606a))"
CARD = "var(--pst-color-background,var(--jp-layout-color1,#ffffff))"
CODE = "var(--pst-color-surface,var(--jp-layout-color1,#f6f8fa))"
BORDER = "var(--pst-color-border,var(--jp-border-color1,#c8ccd1))"
GOOD = "var(--pst-color-success,var(--jp-success-color1,#1a7f37))"
BAD = "var(--pst-color-danger,var(--jp-error-color1,#c6233a))"
HALF = "var(--pst-color-warning,var(--jp-warn-color1,#b35900))"
NEUTRAL = "var(--pst-color-info,var(--jp-info-color1,#0969da))"
MONO = (
    "var(--pst-font-family-monospace,var(--jp-code-font-family,ui-monospace,Menlo,Consolas,"
    "monospace))"
)

_CODE_COLOURS = {
    "k": "var(--pst-color-inline-code,var(--jp-mirror-editor-keyword-color,#912583))",
    "s": "var(--pst-color-link-higher-contrast,var(--jp-mirror-editor-string-color,#0a5560))",
    "c": MUTED,
    "d": TEXT,
}


def escape(text):
    """`text` as HTML text or as the value of an attribute in double quotes."""
    return html.escape(str(text), quote=True)


def data_address(content, kind):
    """Bytes as a `data:` address of the media type `kind`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture(content, kind, width, height, alt):
    """A figure's bytes as an `<img>` on a white card, its size stated in pixels of the page."""
    return (
        f'<img alt="{escape(alt)}" width="{width}" height="{height}" loading="lazy" '
        'style="display:block;box-sizing:border-box;max-width:100%;height:auto;padding:0.3rem;'
        'background:#ffffff;border-radius:0.35rem;filter:none;margin:0" '
        f'src="{data_address(content, kind)}">'
    )


def display(page, plain, data=None):
    """Show `page` (HTML) where there is a notebook, `plain` (str) where there is a terminal.

    `data`: {mime type: JSON-like value} that travels in the output unseen.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display as show

    if InteractiveShell.initialized():
        show({"text/html": page, "text/plain": plain, **(data or {})}, raw=True)
    else:
        print(plain)


def display_markdown(text):
    """Show Markdown where there is a notebook, the text itself where there is a terminal."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display as show

    if InteractiveShell.initialized():
        show({"text/markdown": text, "text/plain": text}, raw=True)
    else:
        print(text)


def box(body, *, colour=BORDER, classes="", label=None):
    """A card with a coloured edge around the HTML `body`."""
    named = f' role="group" aria-label="{escape(label)}"' if label else ""
    return (
        f'<div class="lm-box {classes}"{named} style="border:1px solid {BORDER};'
        f"border-left:0.4rem solid {colour};border-radius:0.35rem;padding:0.7rem 1rem;"
        f'margin:0.6rem 0;background:{CARD};color:{TEXT};line-height:1.5;max-width:100%">'
        f"{body}</div>"
    )


def details(summary, body, *, classes=""):
    """A folded section that opens on a click or by keyboard: `summary` is text, `body` HTML."""
    return (
        f'<details class="lm-fold {classes}" style="border:1px solid {BORDER};'
        f"border-radius:0.35rem;margin:0.4rem 0;padding:0.45rem 0.8rem;background:{CARD};"
        f'color:{TEXT}"><summary style="display:list-item;list-style-type:disclosure-closed;'
        f'list-style-position:inside;cursor:pointer;font-weight:600">{escape(summary)}</summary>'
        f'<div style="margin-top:0.5rem">{body}</div></details>'
    )


def paragraph(body, *, small=False, muted=False):
    """One paragraph of HTML."""
    style = f"margin:0.25rem 0;color:{MUTED if muted else TEXT}"
    return f'<p style="{style}{";font-size:0.9em" if small else ""}">{body}</p>'


def inline(text):
    """One line of text with `code`, *emphasis* and $mathematics$ as HTML, without a paragraph."""
    return _parser().renderInline(text)


def markdown(text):
    """Markdown text (paragraphs, lists, `code`, $mathematics$, fenced code) as HTML."""
    return _parser().render(text)


def _parser():
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": False})
    parser.use(dollarmath_plugin, renderer=_mathematics)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("paragraph_open", _paragraph_open)
    return parser


def _mathematics(content, options):
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    classes = "math notranslate nohighlight tex2jax_process mathjax_process"
    return f'<span class="{classes}">{left}{escape(content)}{right}</span>'


def _paragraph_open(self, tokens, at, options, env):
    return "" if tokens[at].hidden else '<p style="margin:0.25rem 0">'


def _fence(self, tokens, at, options, env):
    token = tokens[at]
    return highlight(token.content, "python" if token.info.strip() != "text" else "text")


def highlight(source, language="python"):
    """Source code as a highlighted listing, legible on light and dark pages alike."""
    from pygments import lex
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    kinds = (
        (String, "s"),
        (Number, "s"),
        (Comment, "c"),
        (Keyword, "k"),
        (Operator.Word, "k"),
        (Name.Function, "d"),
        (Name.Class, "d"),
        (Name.Decorator, "k"),
    )
    pieces = []
    for token, text in lex(source.strip("\n") + "\n", get_lexer_by_name(language)):
        kind = next((k for family, k in kinds if token in family), None)
        if kind is None or not text.strip():
            pieces.append(escape(text))
            continue
        weight = ";font-weight:600" if kind == "d" else ""
        pieces.append(f'<span style="color:var(--lm-{kind}){weight}">{escape(text)}</span>')
    colours = "".join(f"--lm-{kind}:{colour};" for kind, colour in _CODE_COLOURS.items())
    return (
        f'<div class="highlight lm-code" style="{colours}background:{CODE};color:{TEXT};'
        f'border:1px solid {BORDER};border-radius:0.3rem;margin:0.4rem 0">'
        f'<pre tabindex="0" style="margin:0;padding:0.7rem 0.9rem;overflow-x:auto;border:0;'
        f"background:none;color:inherit;font-family:{MONO};font-size:0.875em;line-height:1.45;"
        f'white-space:pre">{"".join(pieces).rstrip()}\n</pre></div>'
    )
