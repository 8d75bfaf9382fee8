"""What the theme leaves undone, mended in the built pages: `python book/_make/polish.py [FOLDER]`.

Runs after Sphinx on `_build/html` (or FOLDER), and changes nothing when run a second time.

Weight. Icons come from a font reduced to those in use instead of a 1.5 MB script; source maps go;
formulas' and search's scripts are linked only where there are formulas and where one searches;
pictures that pages carry as base64 become files.

Access. Labels, roles and landmarks that the accessibility checker axe complains about.

Guard. A page that would ask another host for anything, or that shows a widget which does nothing
without a kernel, is refused with `PolishError`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.formatter import HTMLFormatter

ICON_FONTS = {
    "fa-solid": "fa-solid-900",
    "fa-regular": "fa-regular-400",
    "fa-brands": "fa-brands-400",
}
ICON_STYLE = "_static/styles/pydata-sphinx-theme.css"
ICON_SCRIPT = "_static/scripts/fontawesome.js"
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:{1,2}before,?)+)\{content:"([^"]*)"\}')
FONT_FACE = re.compile(r"@font-face\{[^}]*/(fa-[\w-]+)\.woff2?\b[^}]*\}")
ICON_NAME = re.compile(r"\bfa-[a-z0-9-]+")
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,([A-Za-z0-9+/=\s]+)$")
SEARCH_SCRIPTS = ("searchtools.js", "language_data.js", "searchindex.js")
KEEP_ORDER = HTMLFormatter(
    entity_substitution=HTMLFormatter.REGISTRY["minimal"].entity_substitution,
    void_element_close_prefix="",
    empty_attributes_are_booleans=False,
)


class PolishError(RuntimeError):
    """A built page is not fit to be served; the message says which and why."""


def polish(html):
    """Mend every page and asset under the folder `html` (a Path); return the number of pages.

    Raises PolishError for a page that needs another host or a kernel.
    """
    html = Path(html)
    pages = sorted(p for p in html.rglob("*.html") if "_static" not in p.relative_to(html).parts)
    if not pages:
        raise PolishError(f"there are no pages in {html}: build the site first")
    used = set()
    for page in pages:
        before = page.read_text(encoding="utf-8")
        soup = BeautifulSoup(before, "html.parser")
        if page == html / "index.html" and soup.find("meta", attrs={"http-equiv": "Refresh"}):
            after = front_door(soup)
        else:
            mend_page(soup, page.relative_to(html))
            store_pictures(soup, page, html)
            close_gaps(soup)
            after = soup.decode(formatter=KEEP_ORDER)
        refuse_foreign(soup, page.relative_to(html))
        used |= {n for tag in soup.find_all(class_=ICON_NAME) for n in tag.get("class", [])}
        if after != before:
            page.write_text(after, encoding="utf-8")
    lighten_assets(html, {name for name in used if ICON_NAME.fullmatch(name)})
    return len(pages)


def front_door(soup):
    """The page at the site's root that leads to the landing page: HTML with a name and a link."""
    refresh = soup.find("meta", attrs={"http-equiv": "Refresh"})["content"]
    target = refresh.split("url=")[-1]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Refresh" content="0; url={target}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="description" content="Listening Machines: large AI models for audio, by '
        'experiment">\n'
        "<title>Listening Machines</title>\n</head>\n<body>\n"
        f'<main><p><a href="{target}">Listening Machines</a></p></main>\n</body>\n</html>\n'
    )


def mend_page(soup, name):
    """Mend one page in place. `name` is its path in the site."""
    searching = name.as_posix() == "search.html"
    for script in soup.find_all("script", src=True):
        file = script["src"].split("?")[0].rsplit("/", 1)[-1]
        if file == "fontawesome.js" or (file in SEARCH_SCRIPTS and not searching):
            script.decompose()
    if not soup.select(".math"):
        for script in soup.find_all("script"):
            if "mathjax" in script.get("src", "") or "window.MathJax" in (script.string or ""):
                script.decompose()
    for link in soup.find_all("link", href=re.compile("fontawesome")):
        link.decompose()
    for extra in soup.find_all("meta", attrs={"name": "viewport"})[1:]:
        extra.decompose()
    for empty in soup.select("#ethical-ad-placement"):
        empty.decompose()
    if soup.title and soup.title.string:
        own, _, book = soup.title.string.partition(" — ")
        if book.startswith(f"{own}:"):
            soup.title.string = book
    mend_access(soup)


def close_gaps(soup):
    """Join neighbouring texts and shorten blank ones, as the parser would in a second run."""
    soup.smooth()
    for text in soup.find_all(string=re.compile(r"^\s*\n\s*$")):
        if not text.find_parent(["pre", "textarea"]):
            text.replace_with("\n")


def mend_access(soup):
    """Give landmarks, names and roles where the theme has none or wrong ones."""
    for sidebar in soup.select("#pst-primary-sidebar"):
        sidebar["role"] = "complementary"
        sidebar["aria-label"] = "Book"
    for sidebar in soup.select("#pst-secondary-sidebar"):
        if sidebar.name == "div":
            sidebar["role"] = "complementary"
            sidebar["aria-label"] = "Page"
    for button in soup.select("button.search-button-field, button.search-button__button"):
        if button.get_text(strip=True):
            del button["aria-label"]
    for summary in soup.select("details > summary"):
        if summary.get_text(strip=True):
            del summary["aria-label"]
        elif not summary.get("aria-label"):
            entry = summary.find_parent("li")
            title = entry.find("a").get_text(strip=True) if entry and entry.find("a") else "section"
            summary["aria-label"] = f"Show or hide what is in: {title}"
    for citation in soup.select('[role="doc-biblioentry"]'):
        citation["role"] = "listitem"
    for listing in soup.select("div.citation-list"):
        listing["role"] = "list"
    for table in soup.select("div.pst-scrollable-table-container, div.lm-table"):
        table["tabindex"] = "0"
    for picture in soup.select("main img"):
        if not picture.get("loading") and not picture.find_parent(class_="lm-hero"):
            picture["loading"] = "lazy"


def store_pictures(soup, page, html):
    """Move the pictures that a page carries as base64 into `_images/`, named by their content."""
    for picture in soup.find_all("img", src=PICTURE):
        kind, content = PICTURE.match(picture["src"]).groups()
        content = base64.b64decode(content)
        suffix = kind.partition("+")[0]
        file = html / "_images" / f"{hashlib.sha256(content).hexdigest()[:20]}.{suffix}"
        file.parent.mkdir(exist_ok=True)
        if not file.is_file():
            file.write_bytes(content)
        up = "../" * (len(page.relative_to(html).parts) - 1)
        picture["src"] = f"{up}_images/{file.name}"


def refuse_foreign(soup, name):
    """Raise PolishError if the page loads anything from another host, or shows a dead widget."""
    loads = [(tag, tag.get("src")) for tag in soup.find_all(src=True)]
    loads += [(tag, tag.get("href")) for tag in soup.find_all("link", href=True)]
    for tag, address in loads:
        if re.match(r"(?:https?:)?//", address) and tag.get("rel") != ["canonical"]:
            raise PolishError(
                f"{name} would load {address}: vendor it with book/_make/vendor.py or leave it out"
            )
    if soup.find("script", type="application/vnd.jupyter.widget-state+json"):
        raise PolishError(
            f"{name} shows a Jupyter widget, which does nothing without a kernel: show it only "
            "when the chapter runs live"
        )


def lighten_assets(html, used):
    """Reduce the icons to those in `used` and in the theme's own style, drop what is not linked."""
    for path in html.rglob("*.map"):
        path.unlink()
    for path in (*html.rglob("*.js"), *html.rglob("*.css")):
        if "vendor" in path.relative_to(html).parts:
            continue
        text = path.read_text(encoding="utf-8")
        clean = re.sub(r"\n?(?://|/\*)# sourceMappingURL=\S+?(?:\s*\*/)?\s*$", "\n", text)
        if clean != text:
            path.write_text(clean, encoding="utf-8")
    (html / ICON_SCRIPT).unlink(missing_ok=True)
    (html / f"{ICON_SCRIPT}.LICENSE.txt").unlink(missing_ok=True)
    reduce_icons(html, used)


def reduce_icons(html, used):
    """Keep the icon font's glyphs that pages, scripts and the style's own variables ask for."""
    style = html / ICON_STYLE
    if not style.is_file():
        return
    for script in (html / "_static").rglob("*.js"):
        if "vendor" not in script.relative_to(html).parts:
            used = used | set(ICON_NAME.findall(script.read_text(encoding="utf-8")))
    css = style.read_text(encoding="utf-8")
    glyphs = set()

    def needed(rule):
        names = set(ICON_NAME.findall(rule[1]))
        if not names & used:
            return ""
        glyphs.update(map(ord, decode_css(rule[2])))
        return rule[0]

    css = ICON_RULE.sub(needed, css)
    for value in re.findall(r'--pst-icon-[\w-]+:"([^"]*)"', css):
        glyphs.update(map(ord, decode_css(value)))
    for other in ("_static/styles/sphinx-book-theme.css", "_static/book.css"):
        if (html / other).is_file():
            text = (html / other).read_text(encoding="utf-8")
            for value in re.findall(r'content:"(\\?[^"]{1,6})"', text):
                glyphs.update(map(ord, decode_css(value)))
    folder = html / "_static/vendor/fontawesome/webfonts"
    wanted = {"fa-solid"} | (set(ICON_FONTS) & used)
    kept = {ICON_FONTS[kind] for kind in wanted}

    def face(rule):
        font = rule[1].removesuffix("-subset")
        if font not in kept:
            return ""
        return re.sub(
            r"src:[^;}]*",
            f'src:url(../vendor/fontawesome/webfonts/{font}-subset.woff) format("woff")',
            rule[0],
        )

    css = FONT_FACE.sub(face, css)
    for font in kept:
        if (folder / f"{font}.ttf").is_file():
            subset_font(folder / f"{font}.ttf", folder / f"{font}-subset.woff", glyphs)
    for path in folder.glob("*"):
        if not path.name.endswith("-subset.woff"):
            path.unlink()
    style.write_text(css, encoding="utf-8")


def decode_css(value):
    """A CSS string's text: `\\f107` and characters that stand for themselves."""
    return re.sub(r"\\([0-9a-fA-F]{2,6}) ?", lambda m: chr(int(m[1], 16)), value)


def subset_font(source, target, glyphs):
    """Write the font `source` with only the code points `glyphs` to `target`, as WOFF."""
    from fontTools import subset

    options = subset.Options(flavor="woff", layout_features=[], name_IDs=[0, 1, 2, 13, 14])
    options.recalc_timestamp = False
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(glyphs))
    subsetter.subset(font)
    subset.save_font(font, str(target), options)


def main(arguments=None):
    """Polish the site in the folder named, by default `_build/html`; return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    folder = Path(arguments[0]) if arguments else Path(__file__).parents[2] / "_build" / "html"
    try:
        print(f"{polish(folder)} pages polished in {folder}")
    except PolishError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
