"""The reading components in a real browser, opened from a disk: what they do, not how they look.

The page is made here, by the helpers themselves, as the build makes one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
DESKTOP, PHONE = (1280, 900), (390, 844)
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"

PROGRAM = """
import sys
import numpy as np
from helpers import _html, plots
from helpers.listen import *

shown = []
_html.display = lambda page, plain, data=None: shown.append(page)
rate, t = 8000, np.arange(16000) / 8000
rng = np.random.default_rng(0)


def tone(hz, level=0.3):
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


clean = tone(440)
noisy = clean + 0.1 * rng.standard_normal(len(t)).astype(np.float32)
player(clean, rate, "One tone", credit="Synthesised here")
player(clean, rate, "A spectrogram", view="spectrogram", encoding="compact")
three = [np.tile(sound, 3) for sound in (clean, noisy, tone(220))]
compare(three, rate, ["clean", "noisy", "low"], "Three versions")
table_of_players(["up", "down"], ["x", "y"], [[clean, noisy], [tone(300), None]], rate)


def compute(bits, dither):
    fig, ax = plots.subplots(height=2.0)
    ax.plot(t[:80], np.round(clean[:80] * 2**bits) / 2**bits)
    ax.set(xlabel="time (s)", ylabel=f"{bits} {dither}")
    alt = f"A tone of {bits} bits, dither {dither}"
    return State(alt, fig, tone(100 * bits), rate, f"{bits} bits")


controls = [Control("Bits", [2, 3, 4], start=3, unit="bit"), Control("Dither", ["off", "on"])]
explorer(compute, controls, "An explorer")
items = [
    Item(f"sound {k}", clean, tone(200), {"noisy": noisy, "low": tone(300)}) for k in (1, 2)
]
metrics = {"SNR, dB": {(i.name, s): v for i in items for s, v in {"noisy": 20, "low": 10}.items()}}
listening_test(items, rate, "A test", "How close to the reference?", metrics)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write(PAGE.replace("BODY", "\\n".join(shown)))
"""

PAGE = f"""<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Components</title>
<link rel="stylesheet" href="{STATIC.as_uri()}/book.css">
<link rel="stylesheet" href="{STATIC.as_uri()}/listen.css">
<script defer src="{STATIC.as_uri()}/listen.js"></script></head>
<body style="margin:8px"><main class="bd-article" style="max-width:720px"><h1>Components</h1>
BODY</main></body></html>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of the page, on the disk."""
    path = tmp_path_factory.mktemp("components") / "page.html"
    done = subprocess.run(
        [sys.executable, "-c", f"PAGE = {PAGE!r}\n{PROGRAM}", str(path)],
        env={**os.environ, "LISTENING_MACHINES_BUILD": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return path.as_uri()


@pytest.fixture
def one(visit):
    """A visit whose complaints and requests are looked at when the test ends."""
    made = visit()
    yield made
    assert made.complaints == []
    assert [u for u in made.requests if not u.startswith(("file:", "data:"))] == []


def test_the_playhead_moves(one, page):
    tab = one.open(page)
    figure = tab.locator("figure.lm-player").first
    head = figure.locator(".lm-track")
    at = "e => Number(getComputedStyle(e).getPropertyValue('--lm-at'))"
    assert head.evaluate(at) == 0
    left = figure.locator(".lm-playhead").bounding_box()["x"]
    figure.get_by_role("button", name="Play: One tone").click()
    tab.wait_for_function("document.querySelector('figure.lm-player audio').currentTime > 0.3")
    assert head.evaluate(at) > 0.1
    assert figure.locator(".lm-playhead").bounding_box()["x"] > left + 10
    figure.get_by_role("button", name="Pause: One tone").click()
    assert tab.evaluate("document.querySelector('figure.lm-player audio').paused")


def test_it_plays_to_its_end_and_again(one, page):
    tab = one.open(page)
    figure = tab.locator("figure.lm-player").first
    slider = figure.get_by_role("slider")
    slider.focus()
    slider.press("End")
    slider.press("ArrowLeft")
    slider.press("Space")
    tab.wait_for_function("document.querySelector('figure.lm-player audio').ended")
    button = figure.get_by_role("button", name="Play: One tone")
    button.click()
    tab.wait_for_function(
        "(a => !a.paused && a.currentTime < 1)(document.querySelector('figure.lm-player audio'))"
    )


def test_a_click_seeks(one, page):
    tab = one.open(page)
    track = tab.locator("figure.lm-player .lm-track").first
    box = track.bounding_box()
    track.click(position={"x": box["width"] * 0.75, "y": box["height"] / 2})
    tab.wait_for_timeout(200)
    assert float(track.get_attribute("aria-valuenow")) == pytest.approx(1.5, abs=0.05)
    tab.get_by_role("button", name="Play: One tone").click()
    tab.wait_for_function("!document.querySelector('figure.lm-player audio').paused")
    assert tab.evaluate("document.querySelector('figure.lm-player audio').currentTime") > 1.4


def test_the_keyboard_seeks(one, page):
    tab = one.open(page)
    track = tab.get_by_role("slider", name="Position in: One tone")
    track.focus()
    for key, expected in (("ArrowRight", 0.1), ("PageUp", 0.6), ("End", 2.0), ("Home", 0.0)):
        track.press(key)
        assert float(track.get_attribute("aria-valuenow")) == pytest.approx(expected, abs=0.03)
    assert track.get_attribute("aria-valuetext") == "0.0 s of 2.0 s"


def test_only_one_plays(one, page):
    tab = one.open(page)
    tab.get_by_role("button", name="Play: One tone").click()
    tab.wait_for_function("!document.querySelectorAll('audio')[0].paused")
    tab.get_by_role("button", name="Play: A spectrogram").click()
    tab.wait_for_function("!document.querySelectorAll('audio')[1].paused")
    assert tab.evaluate("document.querySelectorAll('audio')[0].paused")
    assert tab.locator(".lm-play[aria-label^='Pause']").count() == 1


SETTLED = """() => {
  const at = [...document.querySelectorAll('.lm-compare audio')].map(a => a.currentTime);
  return Math.min(...at) > 0.5 && Math.max(...at) - Math.min(...at) < 0.03;
}"""
SWITCH = """async (name) => {
  const figure = document.querySelector('.lm-compare');
  const audios = [...figure.querySelectorAll('audio')];
  const heard = () => audios.filter(a => !a.muted && !a.paused);
  const before = heard()[0];
  const button = [...figure.querySelectorAll('.lm-choice')].find(b => b.textContent.includes(name));
  const start = performance.now();
  button.click();
  while (!(heard().length === 1 && heard()[0] !== before) && performance.now() - start < 1000)
    await new Promise(r => setTimeout(r, 1));
  const took = performance.now() - start;
  const now = heard()[0];
  const jump = now.currentTime - before.currentTime;
  const seeking = now.seeking;
  await new Promise(r => setTimeout(r, 150));
  return {took, jump, seeking, moves: !now.paused && now.currentTime > 0.2,
          index: audios.indexOf(now)};
}"""


def test_a_comparison_switches_at_once_at_the_same_position(one, page):
    tab = one.open(page)
    tab.get_by_role("button", name="Play: Three versions").click()
    for name, index in (("noisy", 1), ("low", 2), ("clean", 0)):
        tab.wait_for_function(SETTLED, timeout=4000)
        seen = tab.evaluate(SWITCH, name)
        assert seen["index"] == index
        assert seen["took"] < 50, seen
        assert abs(seen["jump"]) < 0.05, seen
        assert seen["moves"]
        assert not seen["seeking"]
        shown = tab.locator(".lm-compare .lm-lane:visible")
        assert shown.count() == 1
        assert shown.get_attribute("data-label") == name


def test_a_comparison_is_matched_in_level_and_works_by_keyboard(one, page):
    tab = one.open(page)
    tab.locator(".lm-compare .lm-choice").first.focus()
    tab.keyboard.press("b")
    assert tab.locator(".lm-choice[aria-pressed=true]").first.inner_text() == "B noisy"
    tab.keyboard.press("3")
    assert tab.locator(".lm-choice[aria-pressed=true]").first.inner_text() == "C low"
    levels = tab.evaluate(
        """async () => {
          const context = new OfflineAudioContext(1, 1, 8000);
          return Promise.all([...document.querySelectorAll('.lm-compare audio')].map(async a => {
            const bytes = Uint8Array.from(atob(a.src.split(',')[1]), c => c.charCodeAt(0));
            const x = (await context.decodeAudioData(bytes.buffer)).getChannelData(0);
            return Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length);
          }));
        }"""
    )
    assert max(levels) / min(levels) < 1.01


def test_an_explorer_changes_figure_and_sound(one, page):
    tab = one.open(page)
    figure = tab.locator(".lm-explorer")
    seen = set()
    bits, dither = figure.locator("input[type=range]").nth(0), figure.locator("input").nth(1)
    assert bits.get_attribute("aria-valuetext") == "3 bit"
    for b in ("0", "1", "2"):
        for d in ("0", "1"):
            bits.fill(b)
            dither.fill(d)
            state = figure.locator(".lm-state:visible")
            assert state.count() == 1
            tab.wait_for_function(
                "(i => i.complete && i.naturalWidth > 0)"
                "(document.querySelector('.lm-state:not([hidden]) img'))"
            )
            picture = state.locator("img").get_attribute("src")
            sound = state.locator("audio").get_attribute("src")
            seen.add((picture, sound, state.locator("img").get_attribute("alt")))
    assert len(seen) == 6
    assert len({picture for picture, _, _ in seen}) == 6
    assert len({sound for _, sound, _ in seen}) == 3
    assert bits.get_attribute("aria-valuetext") == "4 bit"


def test_an_explorer_goes_on_playing_where_it_was(one, page):
    tab = one.open(page)
    figure = tab.locator(".lm-explorer")
    figure.locator(".lm-state:visible .lm-play").click()
    playing = "document.querySelector('.lm-state:not([hidden]) audio')"
    tab.wait_for_function(f"{playing}.currentTime > 0.4")
    figure.locator("input").first.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function(f"!{playing}.paused && {playing}.currentTime > 0.4")
    assert (
        tab.evaluate("[...document.querySelectorAll('audio')].filter(a => !a.paused).length") == 1
    )
    assert tab.evaluate(f"{playing}.currentTime") < 1.5


def test_an_explorer_has_its_settings_as_text(one, page):
    tab = one.open(page)
    tab.locator(".lm-explorer summary").click()
    assert tab.locator(".lm-states tbody tr").count() == 6
    assert "2 bit" in tab.locator(".lm-states tbody").inner_text()


def rate_all(tab, score_of):
    """Give every stimulus on the page a score by what it really is, looked up behind the scenes."""
    for line in tab.locator(".lm-judge__line").all():
        line.locator("button").click()
        tab.wait_for_timeout(30)
        line.locator("input").fill(str(score_of()))


def test_the_listening_test_is_blind_and_gives_a_result(one, page):
    tab = one.open(page)
    judge = tab.locator(".lm-judge")
    assert not judge.locator("details").is_visible()
    judge.get_by_role("button", name="Start the test").click()
    scores = iter([100, 20, 60, 40] * 2)
    for last in (False, True):
        lines = judge.locator(".lm-judge__line")
        assert lines.count() == 4
        text = judge.locator(".lm-judge__page").inner_text()
        assert not any(name in text for name in ("noisy", "low", "anchor"))
        button = judge.get_by_role("button", name="Show the result" if last else "Next sound")
        assert button.is_disabled()
        judge.get_by_role("button", name="Reference").click()
        tab.wait_for_function(
            "[...document.querySelectorAll('.lm-judge audio')].filter(a => !a.paused && !a.muted)"
            ".length === 1"
        )
        rate_all(tab, lambda: next(scores))
        button.click()
    table = judge.locator(".lm-judge__page table")
    assert table.locator("tbody tr").count() == 4
    text = judge.inner_text()
    for word in ("hidden reference", "anchor", "noisy", "low", "SNR, dB", "Rank correlation"):
        assert word in text
    assert judge.locator("details").is_visible()
    assert tab.evaluate("localStorage.length + sessionStorage.length") == 0
    judge.get_by_role("button", name="Start again").click()
    assert judge.locator(".lm-judge__line").count() == 4


def test_the_listening_test_shuffles(one, page):
    tab = one.open(page)
    orders = set()
    for _ in range(12):
        tab.reload()
        tab.get_by_role("button", name="Start the test").click()
        orders.add(tab.locator(".lm-judge__where").inner_text())
    assert orders == {"1 of 2: sound 1", "1 of 2: sound 2"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_components_fit_and_are_accessible(visit, page, size, scheme):
    one = visit(size, scheme)
    tab = one.open(page)
    dark = scheme == "dark"
    tab.evaluate(
        "d => { document.documentElement.dataset.theme = d ? 'dark' : 'light';"
        "document.body.style.background = d ? '#14181e' : '#fff'; }",
        dark,
    )
    tab.get_by_role("button", name="Start the test").click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    report = tab.evaluate("axe.run('main', {resultTypes: ['violations'], preload: false})")
    grave = [
        f"{rule['id']}: {node['html'][:150]} — {node['failureSummary'][:300]}"
        for rule in report["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
        and not (dark and rule["id"] == "color-contrast")
    ]
    assert grave == []
    assert one.complaints == []


def test_without_a_script_every_sound_still_plays(browser, page):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page)
    assert tab.locator("figure.lm-player audio").first.is_visible()
    assert tab.locator(".lm-lane:visible").count() == 3
    assert tab.locator(".lm-state:visible").count() == 1
    context.close()
