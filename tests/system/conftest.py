"""The whole report, made once from the committed reference, and the browser that looks at it."""

import os
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from report.evidence.sources import sources
from report.pages.report import ANSWERS, context, worked
from report.render.render import NativeLibraryError, write_html, write_pdf

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference.sqlite"
EPOCH = "1700000000"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because containers run as root; /dev/shm is small there too.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="session")
def unavailable():
    """Skips with the remedy; fails where REQUIRE_CHECKERS is set, so that no line goes on without a check."""

    def give_up(remedy):
        if os.environ.get("REQUIRE_CHECKERS"):
            pytest.fail(remedy)
        pytest.skip(remedy)

    return give_up


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The context of every question, and a folder for what is made of it."""
    folder = tmp_path_factory.mktemp("report")
    values = partial(worked, ANSWERS)
    return SimpleNamespace(
        context=context(ANSWERS, values, sources(folder / "none.sqlite", REFERENCE)), folder=folder
    )


@pytest.fixture(scope="session")
def page(report):
    """Path of the page."""
    path = report.folder / "report.html"
    write_html(report.context, path)
    return path


@pytest.fixture(scope="session")
def pdf(report, unavailable):
    """Path of the PDF, and the boxes that WeasyPrint laid out for it: `layout.pages`, `layout.html`."""
    path, laid = report.folder / "report.pdf", SimpleNamespace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        try:
            import weasyprint

            render = weasyprint.HTML.render

            def keep(html, *arguments, **options):
                document = render(html, *arguments, **options)
                laid.pages = [page._page_box for page in document.pages]
                laid.html = html.etree_element
                return document

            patch.setattr(weasyprint.HTML, "render", keep)
            write_pdf(report.context, path)
        except (NativeLibraryError, OSError) as error:
            unavailable(f"the PDF cannot be made: {error}")
    return SimpleNamespace(path=path, layout=laid)


@pytest.fixture(scope="session")
def browser(unavailable):
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        unavailable("no browser to look at the page with; on Debian: sudo apt-get install -y chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
