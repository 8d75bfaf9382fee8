"""Every page, on a desktop and on a phone, by day and by night."""

import gzip
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

DESKTOP, PHONE = (1280, 900), (390, 844)
LIGHT_PAGE, LIGHT_SOUND = 200_000, 1_500_000
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"

SCREENS = {"desktop": (DESKTOP, "light"), "phone": (PHONE, "dark")}
"""Each with what it is set to when the page is opened; then it changes, as devices do at dusk."""


@pytest.fixture(scope="module")
def looked_at(visit_of, address, page_name, screen):
    """A page on one screen, opened once for the tests that only look: (Visit, tab)."""
    yield from visit_of(address + page_name, *SCREENS[screen])


def turn(tab, scheme):
    """Set the device to light or dark, and wait until the page has followed."""
    tab.emulate_media(color_scheme=scheme)
    tab.wait_for_function("s => document.documentElement.dataset.theme === s", arg=scheme)
    tab.evaluate("Promise.all(document.getAnimations().map(a => a.finished)).then(() => true)")


@pytest.fixture(scope="module")
def served(visit_of, address, chapter):
    """A chapter from a server, opened once for several tests: (Visit, tab)."""
    yield from visit_of(address + chapter)


@pytest.fixture(scope="module")
def from_disk(visit_of, site, chapter):
    """A chapter opened from the disk, without a kernel, once for several tests: (Visit, tab)."""
    yield from visit_of(f"{site.as_uri()}/{chapter}")


@pytest.mark.parametrize("screen", SCREENS, scope="module")
def test_page_is_quiet_and_whole(looked_at, address, page_name, screen):
    """No complaint in the console, no request elsewhere, nothing wider than the screen."""
    (one, tab), (size, scheme) = looked_at, SCREENS[screen]

    assert tab.evaluate("document.documentElement.dataset.theme") == scheme
    for after in (scheme, "dark" if scheme == "light" else "light"):
        turn(tab, after)
        width = tab.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{page_name}, {after}: {width} pixels on a screen of {size[0]}"
    assert one.complaints == []
    assert [url for url in one.requests if not url.startswith((address, "data:"))] == []

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


# Of tokens of code, and of formulas, that are drawn alike in the same kind of place, one stands for
# all: axe takes most of its time for their parts.
SAMPLE = """() => {
  const seen = new Set();
  const drawn = node => {
    const style = getComputedStyle(node);
    return [style.color, style.backgroundColor, style.fontSize, style.fontWeight, style.opacity];
  };
  const keyOf = node => {
    const formula = node.matches('mjx-container');
    const block = formula ? node.parentElement : node.closest('pre');
    const frames = '.admonition, details, table, figure, aside, nav';
    const place = formula ? block.closest(frames) : block;
    return [node.className, node.getAttribute('display'), block.tagName, ...drawn(node),
            ...drawn(block), place?.className, place?.parentElement.parentElement.className].join();
  };
  const alike = [...document.querySelectorAll('pre span, mjx-container')].filter(node => {
    const key = keyOf(node);
    const known = seen.has(key);
    seen.add(key);
    return known && (node.matches('mjx-container') || !node.children.length);
  });
  for (const node of alike) node.remove();
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["desktop"], scope="module")
def test_page_is_accessible(looked_at, page_name, screen, scheme):
    """No violation of axe's rules that it calls serious or critical. The page is spoilt by it."""
    _, tab = looked_at
    turn(tab, scheme)
    # Its own loading of style sheets resolves @import against the page, which is wrong.
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    tab.evaluate(SAMPLE)
    report = tab.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    grave = [
        f"{rule['id']}: {node['html'][:150]} — {node['failureSummary'][:300]}"
        for rule in report["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_chapter_has_what_every_chapter_has(served):
    """Facts, verdicts with a name, exercises with solutions that open, a heading order."""
    _, tab = served
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


def test_sounds_of_a_chapter_load(served, address):
    """Every player has a name and a file; the first can be played."""
    one, tab = served
    players = tab.evaluate(
        """() => [...document.querySelectorAll('audio')]
            .flatMap(a => (a.src ? [a] : [...a.querySelectorAll('source')]).map(s => ({
                src: s.src, name: a.getAttribute('aria-label'), preload: a.preload})))"""
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


def test_page_with_recordings_credits_them(served):
    """Where a page was made with recordings of people, it says whose they are and the licence."""
    _, tab = served
    facts = tab.locator(".lm-facts").inner_text()
    if "FSDD" in facts and tab.locator("audio").count():
        text = tab.locator("main").inner_text()
        assert "CC BY-SA 4.0" in text
        assert "Jackson" in text


EXPLORE = """async (explorer) => {
  const sliders = [...explorer.querySelectorAll('.lm-control input')];
  const values = sliders.map(s => Array.from({length: Number(s.max) + 1}, (_, i) => i));
  const settings = values.reduce((all, v) => all.flatMap(a => v.map(x => [...a, x])), [[]]);
  const seen = [];
  for (const setting of settings) {
    setting.forEach((value, i) => {
      sliders[i].value = value;
      sliders[i].dispatchEvent(new Event('input', {bubbles: true}));
    });
    const shown = [...explorer.querySelectorAll('.lm-state')].filter(s => s.offsetParent);
    const picture = shown[0]?.querySelector('img');
    if (picture && !picture.complete) await picture.decode();
    const sound = shown[0]?.querySelector('audio');
    seen.push({count: shown.length, at: shown[0]?.dataset.at, wanted: setting.join(','),
               picture: picture && picture.naturalWidth > 0 ? picture.src : null,
               sound: sound ? sound.src || sound.querySelector('source').src : null,
               text: shown[0]?.innerText});
  }
  return {seen, name: explorer.getAttribute('aria-label')};
}"""


def test_explorers_of_a_chapter_respond(from_disk):
    """Opened from the disk, without a kernel: every setting shows its own figure or sound."""
    one, tab = from_disk
    for explorer in tab.locator(".lm-explorer").all():
        explorer.scroll_into_view_if_needed()
        found = explorer.evaluate(EXPLORE)
        states = found["seen"]
        assert [s["count"] for s in states] == [1] * len(states), found["name"]
        assert [s["at"] for s in states] == [s["wanted"] for s in states]
        for kind in ("picture", "sound"):
            there = {s[kind] for s in states if s[kind]}
            assert len(there) != 1, f"{found['name']}: the {kind} never changes"
        assert all(s["picture"] or s["sound"] for s in states), found["name"]
        assert len({(s["picture"], s["sound"], s["text"]) for s in states}) == len(states)
    assert one.complaints == []
    assert [u for u in one.requests if not u.startswith(("file:", "data:"))] == []


def test_players_of_a_chapter_are_live(from_disk):
    """Every component was taken up by the script; the first player's head moves when it plays."""
    one, tab = from_disk
    assert tab.locator("[data-lm]").count() == tab.locator("[data-lm].is-live").count() > 0
    button = tab.locator(".lm-play:visible").first
    button.scroll_into_view_if_needed()
    button.click()
    tab.wait_for_function(
        "[...document.querySelectorAll('.lm-track')].some("
        "t => Number(getComputedStyle(t).getPropertyValue('--lm-at')) > 0.02)"
    )
    assert one.complaints == []


def travelling(file):
    """Bytes of a picture on its way: a server compresses drawings."""
    content = file.read_bytes()
    return len(gzip.compress(content, 6)) if file.suffix == ".svg" else len(content)


def test_a_page_is_light(site, page_name):
    """HTML as it travels and figures: 200 kB; sounds, each in the form a browser takes: 1.5 MB."""
    page = site / page_name
    text = page.read_text(encoding="utf-8")
    soup = BeautifulSoup(text, "html.parser")
    pictures = {(page.parent / i["src"]).resolve() for i in soup.select("main img[src]")}
    sounds = set()
    for audio in soup.find_all("audio"):
        source = audio.get("src") or audio.find("source")["src"]
        sounds.add((page.parent / source).resolve())
    weight = len(gzip.compress(text.encode(), 6)) + sum(map(travelling, pictures))
    assert weight <= LIGHT_PAGE, f"{page_name}: {weight} bytes of HTML and figures"
    heard = sum(s.stat().st_size for s in sounds)
    tables = len(soup.select(".lm-listening-table"))
    assert heard <= LIGHT_SOUND * (1 + tables), f"{page_name}: {heard} bytes of sound"
