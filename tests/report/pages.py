"""Opens a report as a reader would, and notes what a browser and an accessibility checker have against it."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

DESKTOP, PHONE = (1280, 900), (360, 740)


@dataclass
class Opened:
    """An open page, and what it did since it was opened."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def violations(self, *impacts: str) -> list[str]:
        """Return what axe finds, of these impacts or of any."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['impact']} {one['id']}: {node['html'][:200]}"
            for one in found
            if not impacts or one["impact"] in impacts
            for node in one["nodes"]
        ]

    def milliseconds(self) -> float:
        """Return how long the page took from the start of the navigation to the end of its load event."""
        return self.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")

    def shown(self) -> list[str]:
        """Return the outcomes of the scenarios that are visible."""
        visible = self.page.locator("details.scenario:visible")
        return [one.get_attribute("data-outcome") or "" for one in visible.all()]


@contextlib.contextmanager
def opened(browser, file: Path, scheme="light", size=DESKTOP):
    """Open a file; `scheme` is light or dark, `size` the window's in pixels."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    found = Opened(page)
    page.on("console", lambda message: found.console.append(message.text))
    page.on("pageerror", lambda error: found.console.append(str(error)))
    page.on("request", lambda request: found.requests.append(request.url))
    try:
        page.goto(file.as_uri())
        yield found
    finally:
        context.close()


def faults(browser, file: Path) -> list[str]:
    """Return what is wrong with a report in light and dark, on a desktop and on a phone; images stay beside it."""
    wrong = []
    for scheme in ("light", "dark"):
        for size in (DESKTOP, PHONE):
            with opened(browser, file, scheme, size) as found:
                where = f"{scheme}, {size[0]} pixels"
                found.page.screenshot(path=file.with_name(f"{file.stem}-{scheme}-{size[0]}.png"), full_page=True)
                wrong += [f"{where}: console: {line}" for line in found.console]
                outside = [url for url in found.requests if url != file.as_uri() and not url.startswith("data:")]
                wrong += [f"{where}: asked the network for {url}" for url in outside]
                wrong += [f"{where}: {one}" for one in found.violations()]
                bare = "img:not([alt]), img[alt=''], [role=img]:not([aria-label]), svg:not([aria-hidden])"
                wrong += [f"{where}: {found.page.locator(bare).count()} images without words"] * bool(
                    found.page.locator(bare).count()
                )
                width = found.page.evaluate("document.documentElement.scrollWidth")
                wrong += [f"{where}: {width} pixels wide"] * (width > size[0])
    return wrong
