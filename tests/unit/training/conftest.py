import importlib
from types import SimpleNamespace

import pytest

from acceptance.paths import CODESET

MODULES = ("augment", "data", "export", "network", "resnet", "whitening", "tracked", "train")


@pytest.fixture(autouse=True)
def seed(request):
    """The weights that networks begin with are the same in each run."""
    if "codeset" in request.fixturenames:
        request.getfixturevalue("codeset").train.keras.utils.set_random_seed(1)


@pytest.fixture(scope="session")
def codeset():
    """The codeset's modules, which import nothing of the suite and are no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
        patch.syspath_prepend(str(CODESET))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
