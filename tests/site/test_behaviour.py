"""What a reader does: search, listen, fold out, switch to the dark, open the site from a disk."""

import json

import pytest

DESKTOP, PHONE = (1280, 900), (390, 844)


def test_root_leads_to_the_landing_page(visit, address):
    one = visit()
    tab = one.tab
    tab.goto(address)
    tab.wait_for_url("**/book/index.html")
    assert tab.locator("article h1").inner_text().startswith("Listening Machines")


def test_landing_page_plays_and_shows_where(visit, address):
    """A word's button plays that word: the mark moves and the button lights up."""
    one = visit()
    tab = one.open(address + "book/index.html")
    word = tab.get_by_role("button", name="Play word 4")
    word.click()
    tab.wait_for_function("document.querySelector('.lm-hero__word.is-playing')?.textContent == '4'")
    assert tab.evaluate("document.querySelector('.lm-hero audio').duration") > 2
    assert tab.locator(".lm-hero__playhead").evaluate("e => parseFloat(e.style.left)") > 20
    tab.wait_for_function("document.querySelector('.lm-hero audio').paused")
    tab.get_by_text("The answer").click()
    assert tab.locator(".lm-hero details p").is_visible()
    assert one.complaints == []


def test_landing_page_offers_three_ways(visit, address):
    tab = visit().open(address + "book/index.html")
    for way in ("Read", "Run", "Study"):
        assert tab.locator(".lm-ways .sd-card-title", has_text=way).count() == 1
    assert tab.locator(".lm-ways a[href]").count() == 3


def test_search_finds(visit, address):
    one = visit()
    tab = one.open(address + "book/index.html")
    tab.locator("button.search-button-field:visible").first.click()
    tab.locator("dialog[open] input[name=q]").fill("recogniser")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=recogniser*")
    tab.wait_for_selector("#search-results li a")
    assert one.complaints == []
    tab.locator("#search-results li a").first.click()
    tab.wait_for_load_state("load")
    assert tab.locator("article h1").count() == 1


def test_dark_can_be_chosen(visit, address):
    tab = visit().open(address + "book/how-to-use.html")
    button = tab.locator("button.theme-switch-button:visible").first
    seen = {tab.evaluate("document.documentElement.dataset.mode")}
    for _ in range(2):
        button.click()
        seen.add(tab.evaluate("document.documentElement.dataset.mode"))
    assert seen == {"light", "dark", "auto"}


def test_contents_open_on_a_phone(visit, address):
    tab = visit(PHONE).open(address + "book/index.html")
    tab.locator("button.primary-toggle:visible").first.click()
    link = tab.get_by_role("link", name="The plan").first
    link.wait_for(state="visible")
    link.click()
    tab.wait_for_url("**/book/plan.html")


@pytest.mark.parametrize("name", ["book/index.html", "book/notation.html", "search.html?q=verdict"])
def test_site_works_from_a_disk(visit, site, name):
    """Opened as files: text, formulas, picture and search, and nothing from the network."""
    one = visit()
    tab = one.open(f"{site.as_uri()}/{name}")
    if "search" in name:
        tab.wait_for_selector("#search-results li a")
    if "notation" in name:
        assert tab.locator("mjx-container").count() > 5
    assert [url for url in one.requests if not url.startswith(("file:", "data:"))] == []
    # From a disk a browser may not read the found pages to show an excerpt of them.
    excerpt = ("search.html", "CORS", "ERR_FAILED", "fetch", "file:")
    complaints = one.complaints
    if "search" in name:
        complaints = [c for c in complaints if not any(word in c for word in excerpt)]
    assert complaints == []


def test_record_is_served(visit, address):
    """The build's record lies beside the pages."""
    answer = visit().context.request.get(address + "status.json")
    assert answer.ok
    record = json.loads(answer.text())
    assert record["chapters"]
    assert record["versions"]["python"].startswith("3.")


def test_widest_tables_scroll_in_their_own_box(visit, address):
    """On a phone the claims ledger scrolls sideways, not the page."""
    tab = visit(PHONE).open(address + "book/ledger.html")
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_a_layer_leads_to_mathematics_code_and_tests(visit, address):
    """From the table on the page of all layers; what is folded unfolds when a link leads to it."""
    one = visit()
    tab = one.open(address + "book/layers.html")
    row = tab.locator("tr", has=tab.locator("code", has_text="lstm")).first
    for kind, words in (("code", "def lstm_backward"), ("tests", "def test_lstm")):
        listing = tab.locator(f"#{kind}-lstm")
        assert listing.get_attribute("open") is None
        row.locator(f"a[href='#{kind}-lstm']").click()
        tab.wait_for_function(f"document.getElementById('{kind}-lstm').open")
        assert words in listing.inner_text()
    row.locator("a[href*='2-recurrence']").click()
    tab.wait_for_url("**/2-recurrence.html#*")
    heading = tab.evaluate("document.getElementById(location.hash.slice(1)).innerText")
    assert heading.startswith("LSTM")
    assert one.complaints == []


def test_the_ledger_is_narrowed_by_verdict_and_part(visit, address):
    one = visit()
    tab = one.open(address + "book/ledger.html")
    shown = tab.locator("main table tbody tr:visible", has=tab.locator("td:nth-child(8)"))
    everything = shown.count()
    tab.get_by_label("Verdict").select_option("undecided")
    assert set(shown.locator("td:nth-child(7)").all_inner_texts()) == {"undecided"}
    tab.get_by_label("Part").select_option("Part 5")
    assert 0 < shown.count() < everything
    assert all(text.startswith("5.") for text in shown.locator("td:nth-child(1)").all_inner_texts())
    assert (
        tab.locator(".lm-filter output").inner_text() == f"{shown.count()} of {everything} claims"
    )
    assert one.complaints == []
