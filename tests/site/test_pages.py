"""Every page, on a desktop and on a phone, by day and by night."""

import re
from pathlib import Path

import pytest

DESKTOP, PHONE = (1280, 900), (390, 844)
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"

LOOKS = [
    pytest.param(DESKTOP, "light", id="desktop-light"),
    pytest.param(DESKTOP, "dark", id="desktop-dark"),
    pytest.param(PHONE, "light", id="phone-light"),
    pytest.param(PHONE, "dark", id="phone-dark"),
]


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_page_is_quiet_and_whole(visit, address, page_name, size, scheme):
    """No complaint in the console, no request elsewhere, nothing wider than the screen."""
    one = visit(size, scheme)
    tab = one.open(address + page_name)

    assert one.complaints == []
    assert [url for url in one.requests if not url.startswith((address, "data:"))] == []
    assert tab.evaluate("document.documentElement.dataset.theme") == scheme
    width = tab.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0], f"{page_name} is {width} pixels wide on a screen of {size[0]}"

    raw = tab.evaluate(
        r"""() => {
          const walk = document.createTreeWalker(document.querySelector('main'), 4);
          const found = [];
          while (walk.nextNode()) {
            const node = walk.currentNode;
            if (node.parentElement.closest('pre, code, script, style, mjx-container')) continue;
            if (/\\\(|\\\[|\$\$/.test(node.data)) found.push(node.data.trim().slice(0, 80));
          }
          return found;
        }"""
    )
    assert raw == [], "formulas that were not set"
    assert tab.evaluate("document.querySelectorAll('mjx-merror').length") == 0

    broken = tab.evaluate(
        """() => [...document.images]
            .filter(i => i.loading !== 'lazy' && !(i.complete && i.naturalWidth))
            .map(i => i.src)"""
    )
    assert broken == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(visit, address, page_name, scheme):
    """No violation of axe's rules that it calls serious or critical."""
    one = visit(DESKTOP, scheme)
    tab = one.open(address + page_name)
    # Its own loading of style sheets resolves @import against the page, which is wrong.
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    report = tab.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    grave = [
        f"{rule['id']}: {node['html'][:150]} — {node['failureSummary'][:300]}"
        for rule in report["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_chapter_has_what_every_chapter_has(visit, address, chapter):
    """Facts, verdicts with a name, exercises with solutions that open, a heading order."""
    tab = visit().open(address + chapter)
    assert tab.locator("article h1").count() == 1
    assert re.match(r"\d\.\d ", tab.locator("article h1").inner_text())
    assert tab.locator(".lm-facts").count() == 1
    assert tab.locator(".lm-verdict").count() >= 1
    folded = tab.locator("details.lm-solution")
    assert folded.count() >= 5
    for i in range(folded.count()):
        one = folded.nth(i)
        one.locator("summary").click()
        assert one.evaluate("d => d.open")
        assert one.locator("pre").first.is_visible()


def test_sounds_of_a_chapter_load(visit, address, chapter):
    """Every player has a name and a file; the first can be played."""
    one = visit()
    tab = one.open(address + chapter)
    players = tab.evaluate(
        """() => [...document.querySelectorAll('audio')]
            .map(a => ({src: a.currentSrc || a.src, name: a.getAttribute('aria-label'),
                        preload: a.preload}))"""
    )
    assert players, "a chapter about sound has no sound"
    for player in players:
        assert player["name"], player
        assert player["preload"] == "none"
        assert player["src"].startswith(address), player["src"][:80]
        answer = one.context.request.head(player["src"])
        assert answer.ok, player["src"]
    seconds = tab.evaluate(
        """() => new Promise((resolve, reject) => {
            const a = document.querySelector('audio');
            a.addEventListener('canplay', () => resolve(a.duration));
            a.addEventListener('error', () => reject(new Error(a.error.message)));
            a.preload = 'auto';
            a.load();
          })"""
    )
    assert seconds > 0


def test_page_with_recordings_credits_them(visit, address, chapter):
    """Where a page was made with recordings of people, it says whose they are and the licence."""
    tab = visit().open(address + chapter)
    facts = tab.locator(".lm-facts").inner_text()
    if "FSDD" in facts and tab.locator("audio").count():
        text = tab.locator("main").inner_text()
        assert "CC BY-SA 4.0" in text
        assert "Jackson" in text
