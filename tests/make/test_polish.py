"""The polishing of built pages, on small pages made here."""

import base64

import pytest
from polish import PolishError, decode_css, polish

DOT = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
).decode()

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Front — Front: a book</title>
<meta name="viewport" content="a"><meta name="viewport" content="b">
<script defer src="_static/scripts/fontawesome.js?digest=1"></script>
<script>window.MathJax = {{}}</script><script src="_static/vendor/mathjax/tex.js"></script>
<script src="_static/searchtools.js"></script><script src="searchindex.js"></script>
</head><body>
<div id="pst-primary-sidebar">
<button class="search-button-field" aria-label="Find">Search</button></div>
<main>{body}</main></body></html>
"""


@pytest.fixture
def site(tmp_path):
    """Write pages and return the folder: `site(name=body, …)`."""

    def make(**bodies):
        (tmp_path / "_static/scripts").mkdir(parents=True)
        (tmp_path / "_static/scripts/fontawesome.js").write_text("x")
        (tmp_path / "_static/book.js").write_text("run()\n//# sourceMappingURL=book.js.map\n")
        (tmp_path / "_static/book.js.map").write_text("{}")
        for name, body in bodies.items():
            (tmp_path / f"{name}.html").write_text(PAGE.format(body=body), encoding="utf-8")
        return tmp_path

    return make


def read(folder, name):
    """A page's text."""
    return (folder / f"{name}.html").read_text(encoding="utf-8")


def test_scripts_are_linked_where_they_are_needed(site):
    folder = site(plain="<p>text</p>", formula='<span class="math">x</span>', search="<p>s</p>")
    assert polish(folder) == 3
    assert "mathjax" not in read(folder, "plain").lower()
    assert "tex.js" in read(folder, "formula")
    assert "window.MathJax" in read(folder, "formula")
    assert "searchindex.js" not in read(folder, "plain")
    assert "searchindex.js" in read(folder, "search")
    for name in ("plain", "formula", "search"):
        assert "fontawesome" not in read(folder, name)


def test_second_run_changes_nothing(site):
    folder = site(
        one=f'<pre>\n\n  kept\n\n</pre>\n\n\n<img alt="a dot" src="data:image/png;base64,{DOT}">',
        two="<p>a &amp; b &lt; c</p>\n\n<details><summary></summary></details>",
    )
    polish(folder)
    once = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    polish(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == once
    assert "\n\n  kept\n\n" in read(folder, "one")
    assert "a &amp; b &lt; c" in read(folder, "two")


def test_pictures_become_files(site):
    folder = site(page=f'<img alt="a dot" src="data:image/png;base64,{DOT}">')
    polish(folder)
    (file,) = (folder / "_images").iterdir()
    assert file.read_bytes() == base64.b64decode(DOT)
    assert f'src="_images/{file.name}"' in read(folder, "page")
    assert 'loading="lazy"' in read(folder, "page")


def test_maps_go(site):
    folder = site(page="<p>text</p>")
    polish(folder)
    assert not list(folder.rglob("*.map"))
    assert (folder / "_static/book.js").read_text().strip() == "run()"
    assert not (folder / "_static/scripts/fontawesome.js").exists()


def test_labels_and_roles(site):
    folder = site(
        page='<div class="citation-list"><div role="doc-biblioentry">x</div></div>'
        '<details><summary aria-label="Toggle">Show code</summary></details>'
        "<li><a>Part</a><details><summary></summary></details></li>"
    )
    polish(folder)
    text = read(folder, "page")
    assert "doc-biblioentry" not in text
    assert '<div role="listitem">' in text
    assert 'aria-label="Toggle"' not in text
    assert 'aria-label="Find"' not in text
    assert 'aria-label="Show or hide what is in: Part"' in text
    assert text.count('name="viewport"') == 1
    assert "<title>Front: a book</title>" in text


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        '<img alt="far away" src="//example.org/x.png">',
        '<script type="application/vnd.jupyter.widget-state+json">{}</script>',
    ],
)
def test_unfit_pages_are_refused(site, body):
    folder = site(page=body)
    with pytest.raises(PolishError, match=r"page\.html"):
        polish(folder)


def test_root_page_gets_a_name(site):
    folder = site(page="<p>x</p>")
    redirect = '<meta http-equiv="Refresh" content="0; url=book/front.html" />\n'
    (folder / "index.html").write_text(redirect)
    polish(folder)
    text = read(folder, "index")
    assert '<html lang="en">' in text
    assert 'url=book/front.html"' in text
    assert '<a href="book/front.html">' in text


def test_nothing_to_polish(tmp_path):
    with pytest.raises(PolishError, match="build the site first"):
        polish(tmp_path)


def test_decode_css():
    assert decode_css(r"\f107") == "\uf107"
    assert decode_css(r"\30 ") == "0"
    assert decode_css("→") == "→"
