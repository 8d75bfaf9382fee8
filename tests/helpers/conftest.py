"""What the tests of boxes, players and figures share."""

from html.parser import HTMLParser

import pytest

from helpers import _html

VOID = {"img", "br", "hr", "input", "meta", "link", "source", "line", "circle"}


class _Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.elements = [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag, f"</{tag}> is out of place"


class Shown(list):
    """What was displayed: a list of (HTML, plain text, data)."""

    @property
    def html(self):
        return "\n".join(page for page, _, _ in self)

    @property
    def plain(self):
        return "\n".join(text for _, text, _ in self)

    @property
    def data(self):
        return self[-1][2]

    def elements(self, tag):
        """Attributes of every element of this name; asserts that the HTML is well formed."""
        parser = _Balance()
        parser.feed(self.html)
        parser.close()
        assert not parser.open, f"never closed: {parser.open}"
        return [attrs for name, attrs in parser.elements if name == tag]


@pytest.fixture
def shown(monkeypatch):
    record = Shown()
    monkeypatch.setattr(
        _html, "display", lambda page, plain, data=None: record.append((page, plain, data))
    )
    monkeypatch.setattr(_html, "display_markdown", lambda text: record.append(("", text, None)))
    return record


@pytest.fixture(scope="session")
def notebook_outputs():
    """Run code in the shell of a notebook's kernel, without a kernel: list of its outputs."""

    def run(code):
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.utils.capture import capture_output

        shell = InteractiveShell.instance()
        try:
            with capture_output() as captured:
                result = shell.run_cell(code)
            result.raise_error()
            return captured
        finally:
            InteractiveShell.clear_instance()

    return run
