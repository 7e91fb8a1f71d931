"""The default site in Chromium, served by `platen serve`: style, width, direction, light and dark, nothing from outside."""

import contextlib
import re
import signal
import subprocess

import pytest
from browser import Browser, program
from defaultsite import EXPORT, LOCALES, build
from program import PLATEN

PATHS = ["", *("%s/" % locale for locale in LOCALES), "en/products/halo-desk-lamp/", "ar/products/halo-desk-lamp/"]
PHONE, TABLET, DESKTOP = 360, 820, 1440


@contextlib.contextmanager
def served(folder):
    """The address of a site that was built there."""
    serving = subprocess.Popen([PLATEN, "serve", "--config", folder / "platen.yaml", "--out", folder / "out", "--port", "0", "--quiet"],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield serving.stdout.readline().strip()
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0
        serving.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.code == 0, done
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if program() is None:
        pytest.fail("Chromium is missing; on Debian 12: tools/packages test (package chromium)")
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def page(browser):
    return browser.open()


def colours(page):
    """Background and text of the page, as [r, g, b]."""
    def numbers(text):
        return [int(n) for n in re.findall(r"\d+", text)[:3]]
    return [numbers(page.value("getComputedStyle(document.body)." + name)) for name in ("backgroundColor", "color")]


def contrast(one, other):
    """As WCAG defines it."""
    def luminance(colour):
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_with_its_style_and_nothing_from_outside(page, server, path):
    page.resize(DESKTOP)
    page.go(server + path)
    assert page.requests[0][:2] == (server + path, 200)
    assert page.complaints == []
    for url, status, _ in page.requests:
        assert url.startswith((server, "data:")), url
        assert status == 200, url
    [style] = [r for r in page.requests if re.fullmatch(re.escape(server) + r"assets/site\.[0-9a-f]{8}\.css", r[0])]
    assert style[2]["content-type"] == "text/css; charset=utf-8"
    assert page.value("document.styleSheets[0].cssRules.length") > 20
    assert page.value("getComputedStyle(document.body).margin") == "0px"
    assert page.value("document.compatMode") == "CSS1Compat"
    assert page.value("[...document.images].filter(i => i.complete && i.naturalWidth == 0).length") == 0


def test_what_is_compressed_is_taken(page, server):
    page.go(server + "en/")
    assert page.requests[0][2]["content-encoding"] == "gzip"
    assert page.value("document.querySelector('h1').textContent.trim()") == "Lumen & Loom"


@pytest.mark.parametrize("width", [PHONE, TABLET, DESKTOP])
@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_wider_than_the_screen(page, server, path, width):
    page.resize(width)
    page.go(server + path)
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value("window.innerWidth") == width  # and none made the phone zoom out
    assert page.value("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)") >= 14


def test_right_to_left(page, server):
    """Arabic begins at the right, and what stood at the right stands at the left."""
    page.resize(DESKTOP)
    sides = {}
    for locale in ("en", "ar"):
        page.go(server + locale + "/")
        sides[locale] = page.value("['h1.brand a', '.langs summary', '.hero-text h2'].map(s => { const r ="
                                   " document.querySelector(s).getBoundingClientRect(); return (r.left + r.right) / 2 < innerWidth / 2 })")
        assert page.value("getComputedStyle(document.body).direction") == ("rtl" if locale == "ar" else "ltr")
    assert sides["en"] == [True, False, True]
    assert sides["ar"] == [False, True, False]


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(page, server, dark):
    page.scheme(dark)
    try:
        for path in PATHS[:2]:
            page.go(server + path)
            background, text = colours(page)
            assert (sum(background) < sum(text)) == dark
            assert contrast(background, text) >= 7
    finally:
        page.scheme(False)


def test_the_language_menu(page, server):
    """With the mouse, from one language to the other and on to a product."""
    page.resize(PHONE)
    page.go(server + "en/")
    assert page.value("document.querySelector('.langs details').open") is False
    page.click("document.querySelector('.langs summary')")
    assert page.value("document.querySelector('.langs details').open") is True
    page.follow("document.querySelector('.langs a[lang=ar]')")
    assert page.value("location.href") == server + "ar/"
    page.follow("document.querySelector('.carousel h3 a')")
    assert page.value("location.pathname").startswith("/ar/products/")
    assert page.value("document.documentElement.dir") == "rtl"


def test_the_page_that_is_not_there_has_its_style(page, server):
    page.resize(DESKTOP)
    page.go(server + "fr/no/such/page")
    assert page.requests[0][1] == 404
    assert page.value("document.querySelector('h1').textContent") == "404"
    assert [status for _, status, _ in page.requests[1:]] == [200] * (len(page.requests) - 1)
    assert page.value("document.styleSheets[0].cssRules.length") > 20
    page.follow("document.querySelector('.choose a[lang=fr]')")
    assert page.value("location.href") == server + "fr/"


def test_the_keyboard_finds_the_content(page, server):
    """The first Tab shows the way past the head of the page."""
    page.go(server + "en/")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert page.value("document.activeElement.getAttribute('href')") == "#page-main"
    assert page.value("document.activeElement.getBoundingClientRect().top") >= 0


def test_a_closed_homepage(page, tmp_path):
    """What the kill switch shows: the shop's style, its name, and the way to its other languages."""
    source = tmp_path / "closed.export"
    lines = EXPORT.read_text(encoding="utf-8").splitlines(keepends=True)
    homepage = [i for i, line in enumerate(lines) if '"key":"homepage","locale":"ar"' in line]
    assert len(homepage) == 1
    lines[homepage[0]] = lines[homepage[0]].replace('"state":"live"', '"state":"maintenance"')
    source.write_text("".join(lines), encoding="utf-8")
    assert build(tmp_path / "site", source=source).code == 0
    with served(tmp_path / "site") as address:
        page.resize(PHONE)
        page.go(address + "ar/")
        assert page.value("document.documentElement.dir") == "rtl"
        assert page.value("document.querySelectorAll('section').length") == 0
        assert page.value("document.querySelector('main h1').getBoundingClientRect().height") > 20
        assert page.value("document.styleSheets[0].cssRules.length") > 20
        assert page.value("document.querySelectorAll('.langs a').length") == len(LOCALES)
