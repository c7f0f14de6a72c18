"""What the tests of the whole chain share."""

import pytest

from tests.chain.leftovers import leftovers
from tests.running import run_chain


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """One run of every scenario in the real processes, on the stand-in, that left nothing behind."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "tmp").mkdir()
    result = run_chain(folder, "--data=digits", TMPDIR=str(folder / "tmp"))
    assert leftovers(folder) == []
    return result
