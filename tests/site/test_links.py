"""Links and weights, read from the files: no browser needed."""

import re
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup


@pytest.fixture(scope="module")
def trees(site, pages):
    """Every page's tree by its path."""
    texts = {name: (site / name).read_text(encoding="utf-8") for name in pages}
    return {name: BeautifulSoup(text, "html.parser") for name, text in texts.items()}


def test_every_internal_link_resolves(site, trees):
    """Pages, files and the anchors within pages."""
    anchors = {name: {t["id"] for t in tree.find_all(id=True)} for name, tree in trees.items()}
    faults = []
    for name, tree in trees.items():
        links = [(t, t["href"]) for t in tree.find_all(["a", "link"], href=True)]
        links += [(t, t["src"]) for t in tree.find_all(src=True)]
        for _, link in links:
            if re.match(r"[a-z]+:|//", link):
                continue
            path, anchor = urldefrag(link)
            path = unquote(path.split("?")[0])
            target = (site / name).parent / path if path else site / name
            target = target.resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                faults.append(f"{name}: {link}")
                continue
            page = target.relative_to(site.resolve()).as_posix()
            if anchor and page in anchors and unquote(anchor) not in anchors[page]:
                faults.append(f"{name}: {link} (no such anchor)")
    assert faults == []


def test_nothing_is_loaded_from_elsewhere(site, trees):
    for name, tree in trees.items():
        for tag in tree.find_all(["script", "img", "audio", "source", "iframe", "link"]):
            address = tag.get("src") or (tag.get("href") if tag.name == "link" else "") or ""
            assert not re.match(r"(https?:)?//", address), f"{name}: {address}"
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"@import\s+(url\()?[\"']?(https?:)?//|url\([\"']?https?:", text), (
            style
        )


def test_pages_are_light(site, trees):
    """No page carries sounds or pictures as text; test_pages weighs each as it travels."""
    for name, tree in trees.items():
        assert "data:audio/" not in (site / name).read_text(encoding="utf-8"), name
        assert not tree.find("img", src=re.compile("^data:")), name
    assert not list(site.rglob("*.map"))
    assert not (site / "_static/scripts/fontawesome.js").exists()


def test_pictures_say_what_they_show(trees):
    """Every picture has a text that is a text: not a path, not a word or two."""
    for name, tree in trees.items():
        for picture in tree.select("main img"):
            text = picture.get("alt", "").strip()
            assert len(text) >= 15, f"{name}: {text!r}"
            path = re.search(r"[\w-]+/[\w-]+\.\w+|\.(png|svg|webp|jpe?g|gif)$", text)
            assert not path, f"{name}: {text!r}"


def test_pages_have_names_and_descriptions(trees):
    for name, tree in trees.items():
        assert tree.html["lang"] == "en", name
        assert "Listening Machines" in tree.title.string, name
        found = tree.find_all("meta", attrs={"name": "description"})
        assert len(found) == 1, name
        assert 20 <= len(found[0]["content"]) <= 200, f"{name}: {found[0]['content']}"
    titles = [tree.title.string for name, tree in trees.items() if name != "index.html"]
    assert len(set(titles)) == len(titles)


def test_pages_name_no_repository_that_is_not_set(trees):
    """While the address is unknown, nothing points at a repository of this book."""
    for name, tree in trees.items():
        assert not tree.select(".source-buttons, .repo-button, [href*='OWNER']"), name
