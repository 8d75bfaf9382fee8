"""Two roles for the back matter: `{chapter}` and `{zh}`.

`` {chapter}`2.3` `` links to chapter 2.3 if the book has that page and is plain text with
"(planned)" if it has not, so that a page need not change when a chapter is finished. Words after
the number become the text of the link: `` {chapter}`2.3 Features` ``.

`` {zh}`语音识别` `` marks Chinese as Chinese, for screen readers, fonts and line breaking.
"""

import html
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxRole

PAGE = re.compile(r"notebooks/(\d)-[^/]+/(\d+)-[^/]+")
NUMBER = re.compile(r"(\d\.\d+)(?: +(\S.*))?")


def numbered(docs):
    """Map each chapter's number, such as "2.3", to its page among `docs`."""
    found = ((PAGE.fullmatch(doc), doc) for doc in docs)
    return {f"{match[1]}.{match[2]}": doc for match, doc in found if match}


class Chapter(SphinxRole):
    """A chapter by its number: a link, or plain text while it is planned."""

    def run(self):
        match = NUMBER.fullmatch(self.text.strip())
        if not match:
            message = f"{{chapter}} needs a number such as 2.3, not {self.text!r}"
            error = self.inliner.reporter.error(message, line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [error]
        self.env.note_reread()  # a page that is read again finds a chapter that has come since
        number, words = match.groups()
        text = f"{number} {words}" if words else f"Chapter {number}"
        page = numbered(self.env.found_docs).get(number)
        if page is None:
            return [nodes.inline(text, f"{text} (planned)")], []
        link = addnodes.pending_xref(
            "",
            nodes.inline(text, text),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{page}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        return [link], []


class Chinese(SphinxRole):
    """A phrase in simplified Chinese."""

    def run(self):
        if self.env.app.builder.format != "html":
            return [nodes.Text(self.text)], []
        text = f'<span lang="zh-Hans">{html.escape(self.text)}</span>'
        return [nodes.raw("", text, format="html")], []


def setup(app):
    app.add_role("chapter", Chapter())
    app.add_role("zh", Chinese())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
