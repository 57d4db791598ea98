"""The page in a browser: by keyboard and by screen reader, in both themes, wide and narrow."""

from itertools import pairwise

import pytest
from axe_core_python.sync_playwright import Axe

WIDE, PHONE = 1280, 390
# Contrast takes axe nearly all its time. It depends on the theme, and on the width only in the navigation.
COLOURS = {"runOnly": ["color-contrast"]}
STRUCTURE = {"rules": {"color-contrast": {"enabled": False}}}
# Width, theme, whether what folds is open, where axe looks, and for what.
VIEWS = {
    "wide, light": (WIDE, "light", True, None, {}),
    "wide, dark": (WIDE, "dark", True, None, COLOURS),
    "phone": (PHONE, "light", True, None, STRUCTURE),
    "phone, folded": (PHONE, "light", False, None, STRUCTURE),
    "navigation of the phone, light": (PHONE, "light", True, "nav.fold", COLOURS),
    "navigation of the phone, dark": (PHONE, "dark", True, "nav.fold", COLOURS),
}
UNFOLD = "document.querySelectorAll('details').forEach(d => d.open = true)"
RUN_AXE = "([where, how]) => axe.run(where || document, {resultTypes: ['violations'], ...how})"


@pytest.fixture(scope="module")
def tab(browser, page):
    """Opens the page once for all that leave it as it is."""
    tab = browser.new_page(viewport={"width": WIDE, "height": 900})
    tab.goto(page.as_uri())
    tab.evaluate(Axe().axe_script)
    yield tab
    tab.close()


@pytest.fixture
def fresh(browser, page):
    """Opens the page anew, with options of the browser's context."""
    contexts = []

    def open_page(width=WIDE, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        tab = contexts[-1].new_page()
        tab.requests = []
        tab.on("request", lambda request: tab.requests.append(request.url))
        tab.goto(page.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(tab, view):
    width, theme, unfolded, where, how = VIEWS[view]
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=theme)
    tab.evaluate(UNFOLD if unfolded else UNFOLD.replace("true", "false"))
    result = tab.evaluate(RUN_AXE, [where, how])
    assert [
        (found["id"], [node["html"][:80] for node in found["nodes"]]) for found in result["violations"]
    ] == []
    assert result["passes"]


def test_themes_differ(tab):
    colours = []
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        colours.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(20, 22, 26)"]


@pytest.mark.parametrize("width", [1920, 1440, WIDE, 1100, 800, PHONE])
def test_nothing_is_wider_than_the_window(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.evaluate(UNFOLD)
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_what_scrolls_by_itself_can_be_focused(tab):
    tab.set_viewport_size({"width": PHONE, "height": 900})
    tab.evaluate(UNFOLD)
    scrolling, unreachable = tab.evaluate("""() => {
        const inner = [...document.querySelectorAll('main *')].filter(e =>
            e.scrollWidth > e.clientWidth && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX));
        return [inner.length, inner.filter(e => e.tabIndex < 0).map(e => e.outerHTML.slice(0, 120))];
    }""")
    assert scrolling > 20
    assert unreachable == []


def test_tables_fit_a_phone_or_scroll_with_their_first_column_in_place(tab):
    tab.set_viewport_size({"width": PHONE, "height": 900})
    tab.evaluate(UNFOLD)
    cards, unnamed, wide, moved = tab.evaluate("""() => {
        const tables = [...document.querySelectorAll('.table > table')];
        const cards = tables.filter(t => t.classList.contains('cards'));
        const cells = cards.flatMap(t => [...t.querySelectorAll('tbody td')]);
        const left = t => t.tBodies[0].rows[0].cells[0].getBoundingClientRect().left;
        const moved = tables.filter(t => {
            const before = left(t);
            t.parentElement.scrollLeft = 60;
            const after = left(t);
            t.parentElement.scrollLeft = 0;
            return Math.abs(after - before) > 1;
        });
        return [cards.length, cells.filter(c => !c.dataset.label).length,
            cards.filter(t => t.parentElement.scrollWidth > t.parentElement.clientWidth + 1).map(t => t.id),
            moved.map(t => t.id)];
    }""")
    assert cards > 5
    assert (unnamed, wide, moved) == (0, [], [])


def test_a_wide_window_gives_tables_and_figures_more_room_than_text(tab):
    tab.set_viewport_size({"width": 1440, "height": 900})
    text, figure, table, scrolling = tab.evaluate("""() => {
        const width = e => e.getBoundingClientRect().width;
        const widest = s => Math.max(...[...document.querySelectorAll(s)].map(width));
        const claims = document.querySelector('table.claims').parentElement;
        return [widest('.part > p'), widest('.plot-box svg'), widest('.table'),
            claims.scrollWidth > claims.clientWidth];
    }""")
    assert text < figure
    assert text < table
    assert not scrolling


def test_a_very_wide_window_has_figures_beside_the_text(tab):
    """And nothing of a part lies under its figure."""
    tab.set_viewport_size({"width": 1920, "height": 900})
    beside, covered = tab.evaluate("""() => {
        const box = e => e.getBoundingClientRect();
        const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
        const figures = [...document.querySelectorAll('.part > figure')];
        const others = f => [...f.parentElement.children].filter(e => e !== f);
        const text = f => box(f.parentElement.querySelector(':scope > p'));
        return [figures.filter(f => box(f).left > text(f).right).length,
            figures.filter(f => others(f).some(e => meet(box(e), box(f)))).map(f => f.id)];
    }""")
    assert beside > 10
    assert covered == []


def test_the_contents_mark_the_section_that_is_read(fresh):
    tab = fresh()
    for section in ("q07", "q02"):
        tab.evaluate(f"document.getElementById('{section}').scrollIntoView()")
        tab.wait_for_selector(f'nav.side a[aria-current][href="#{section}"]')
        assert tab.locator("nav.side [aria-current]").count() == 1


def test_the_contents_of_a_phone_are_always_at_hand(fresh):
    tab = fresh(PHONE)
    contents = tab.locator("nav.fold summary")
    for place in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
        tab.evaluate(f"scrollTo(0, {place})")
        box = contents.bounding_box()
        assert 0 <= box["y"] <= 900 - box["height"]
    contents.click()
    tab.locator('nav.fold a[href="#q05"]').click()
    assert tab.evaluate("document.getElementById('q05').getBoundingClientRect().top") < 100
    assert not tab.locator("nav.fold ol").is_visible()


def test_every_subheading_can_be_linked_to(tab):
    ids, links = tab.evaluate("""() => {
        const headings = [...document.querySelectorAll('main h3')];
        return [headings.map(h => '#' + h.id), headings.map(h => h.querySelector('a')?.getAttribute('href'))];
    }""")
    assert len(ids) > 20
    assert links == ids


def test_a_link_into_something_folded_opens_it(fresh):
    tab = fresh()
    target = tab.evaluate("document.querySelector('details:not([open]) table[id]').id")
    assert not tab.locator(f"#{target}").is_visible()
    tab.evaluate(f"location.hash = '{target}'")
    tab.locator(f"#{target}").wait_for(state="visible")


def test_the_keyboard_comes_to_the_skip_link_first_and_then_to_the_text(fresh):
    tab = fresh()
    tab.keyboard.press("Tab")
    focused = "document.activeElement.getAttribute('href')"
    assert tab.evaluate(focused) == "#main"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().left") == 0
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.closest('main') !== null")


def test_headings_are_in_order_and_links_lead_somewhere(tab):
    levels, ids, targets = tab.evaluate("""() => [
        [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => Number(h.tagName[1])),
        [...document.querySelectorAll('[id]')].map(e => e.id),
        [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1)),
    ]""")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))
    assert len(ids) == len(set(ids))
    assert len(targets) > 200
    assert set(targets) <= set(ids)


def test_nothing_is_fetched(fresh, page):
    tab = fresh()
    tab.evaluate(UNFOLD)
    tab.wait_for_load_state("networkidle")
    assert [url for url in tab.requests if not url.startswith("data:")] == [page.as_uri()]


def test_no_script_is_needed(fresh, report):
    tab = fresh(java_script_enabled=False)
    assert tab.locator("section.answer > h2:has(.number)").all_inner_texts() == [
        f"{section.number}\n{section.title}" for section in report.context["sections"]
    ]
    for part in ("errata", "provenance", "references"):
        assert tab.locator(f"#{part}").is_visible()
    folded = tab.locator("details").filter(has=tab.locator("table"))
    assert folded.count() > 20
    folded.last.locator("summary").click()
    assert folded.last.locator("table").is_visible()


def test_it_is_small(page):
    assert page.stat().st_size < 5e6


def test_on_paper_there_is_no_navigation(fresh):
    tab = fresh()
    ways = tab.locator("nav, a.skip")
    assert ways.count() == 3
    assert tab.locator("nav.side").is_visible()
    tab.emulate_media(media="print")
    assert not any(ways.nth(n).is_visible() for n in range(3))
    assert tab.locator("#q01").is_visible()
