"""What tests of several folders share: a browser, the images where nothing can be pulled, and Ctrl-C as it is usual."""

import shutil
import signal

import pytest

from tools.lab_image_names import images_yaml

# whose tests use one cluster, or look at all that a daemon has: they take turns, whatever runs beside them
SHARED = ("tests/cluster", "tests/docker")
# of the cluster's, those that change its nodes, or count them
OF_NODES = ("test_device_plugin.py", "test_diagnosis.py", "test_gpu_node.py", "test_gpus.py")
# after them those whose files take longest, or mostly wait: else workers end long after the others, or wait together
LONGEST = (
    *("tests/chain", "tests/contract", "tests/report"),
    *("tests/unit/docker", "tests/unit/fixtures", "tests/unit/stacks", "tests/unit/training"),
)
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_configure(config):
    """Have children start with the usual Ctrl-C: in the background and under nohup they would inherit one ignored.

    SIGTERM ends the tests as Ctrl-C does: what their fixtures made is removed. An exception that a thread dies of fails
    the test that is under way.
    """
    config.addinivalue_line("filterwarnings", "error::pytest.PytestUnhandledThreadExceptionWarning")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    def place(item):
        folder = folder_of(item.nodeid)
        return folder not in SHARED, folder not in LONGEST

    items.sort(key=place)


def folder_of(nodeid):
    return nodeid.split("::")[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config, log):
    """Keep together, when tests run side by side, those of a file, or of what shares a cluster or a daemon."""
    from xdist.scheduler import LoadScopeScheduling

    class Turns(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, folder = nodeid.split("::")[0], folder_of(nodeid)
            if folder not in SHARED:
                return file
            return "nodes" if file.rpartition("/")[2] in OF_NODES else folder

    return Turns(config, log)


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
