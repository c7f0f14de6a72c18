"""What tests of several folders share: a browser, and the images where nothing can be pulled."""

import shutil

import pytest

from tests.own_images import images_yaml

# whose tests use one cluster, or look at all that a daemon has: they take turns, whatever runs beside them
SHARED = ("cluster", "docker")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep together, when tests run side by side, those of a file, or of a folder that shares something."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            folder = item.path.parent.name
            item.add_marker(pytest.mark.xdist_group(folder if folder in SHARED else item.path.name))


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium as the machine has it; skips where it has none."""
    found = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if not found:
        pytest.skip(f"no {' or '.join(CHROMIUMS)} on the PATH: `tools/browser` installs one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # root, as in most containers, has no sandbox; the pages are our own
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def images_file(tmp_path_factory):
    """An --images file with the suite's own Triton."""
    file = tmp_path_factory.mktemp("images") / "images.yaml"
    file.write_text(images_yaml())
    return file
