"""The built site, served on this machine, and a browser to look at it with.

The browser is Debian's Chromium (or what CHROMIUM names). Without one the tests that need it are
skipped, each by name, unless LISTENING_MACHINES_REQUIRE_BROWSER=1: then they fail.
LISTENING_MACHINES_SITE names another folder than `_build/html`.
"""

import functools
import os
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("LISTENING_MACHINES_SITE") or ROOT / "_build" / "html").resolve()
REQUIRED = os.environ.get("LISTENING_MACHINES_REQUIRE_BROWSER") == "1"
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def pages_of(site):
    """Paths of all pages in the site, as POSIX text, the landing page first."""
    found = sorted(
        page.relative_to(site).as_posix()
        for page in site.rglob("*.html")
        if not {"_static", "_sources"} & set(page.relative_to(site).parts)
    )
    return sorted(found, key=lambda name: name != "book/index.html")


def pytest_generate_tests(metafunc):
    """Run a test with `page_name` once for every page, one with `chapter` for every chapter.

    Tests of the same page follow each other, so that they can share a visit.
    """
    pages = pages_of(SITE)
    if "page_name" in metafunc.fixturenames:
        names = [p for p in pages if p != "index.html"]
        metafunc.parametrize("page_name", names, scope="module")
    if "chapter" in metafunc.fixturenames:
        names = [p for p in pages if p.startswith("notebooks/")]
        metafunc.parametrize("chapter", names, scope="module")


def missing(what):
    """Skip, or fail where the browser tests are required."""
    if REQUIRED:
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def site():
    """The folder of the built site."""
    if not (SITE / "index.html").is_file():
        missing(f"there is no built site in {SITE}: run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def pages(site):
    """The paths of all pages."""
    return pages_of(site)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line per request, with the types that browsers insist on."""

    extensions_map = {  # noqa: RUF012 — as the class above has it
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".flac": "audio/flac",
        ".wav": "audio/wav",
        ".woff": "font/woff",
    }

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address(site):
    """The site's address on this machine, ending in a slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def launch():
    """Start a browser: `launch(*flags)`, with a profile of its own that is thrown away."""
    named = os.environ.get("CHROMIUM")
    program = named or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        missing("there is no Chromium on this machine: install Debian's package `chromium`")
    from playwright.sync_api import sync_playwright

    started = []

    def start(*flags):
        started.append(playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags]))
        return started[-1]

    with sync_playwright() as playwright:
        yield start
        for chromium in started:
            chromium.close()


@pytest.fixture(scope="session")
def browser(launch):
    """One browser for all tests."""
    return launch()


class Visit:
    """A tab, and what happened in it: console messages, errors, requests, failed requests."""

    def __init__(self, browser, size, scheme):
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        self.tab = self.context.new_page()
        self.requests, self.complaints = [], []
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.tab.on("console", self._heard)
        self.tab.on("requestfailed", self._failed)
        self.tab.on("response", self._answered)

    def _heard(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request):
        # A browser breaks off the download of a sound of which it knows enough.
        if request.resource_type != "media":
            self.complaints.append(f"failed: {request.url}")

    def _answered(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def open(self, url):
        """Go to `url` and wait until scripts have done their work; returns the tab."""
        self.tab.goto(url, wait_until="load")
        self.tab.evaluate("window.MathJax?.startup?.promise")
        self.tab.evaluate("document.fonts.ready.then(() => true)")
        self.tab.wait_for_timeout(100)
        return self.tab


DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture
def visit(browser):
    """Make visits: `visit(size=DESKTOP, scheme="light")`; they end with the test."""
    yield from _visits(browser)


@pytest.fixture(scope="module")
def long_visit(browser):
    """Make visits as `visit` does, `long_visit(…, chromium=another)`, for a whole module."""
    yield from _visits(browser)


@pytest.fixture(scope="session")
def visit_of(browser):
    """Open one page: `visit_of(url, size=DESKTOP, scheme="light")` yields (Visit, tab) once."""

    def opened(url, size=DESKTOP, scheme="light"):
        one = Visit(browser, size, scheme)
        yield one, one.open(url)
        one.context.close()

    return opened


def _visits(browser):
    made = []

    def make(size=DESKTOP, scheme="light", chromium=browser):
        made.append(Visit(chromium, size, scheme))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
