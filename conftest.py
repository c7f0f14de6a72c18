"""Options and plugins only; nothing imports this file."""

import pytest

from acceptance.options import OPTIONS

PLUGINS = [
    "fixtures.hooks",
    "fixtures.scenarios",
    "fixtures.gherkin",
    "fixtures.session",
    "fixtures.stack",
    "fixtures.requirements",
    "fixtures.serving",
    "fixtures.training",
    "fixtures.load",
    "fixtures.cluster",
    "fixtures.docker",
    "steps.cluster",
    "steps.gpu_node",
    "steps.training",
    "steps.serving",
    "steps.prediction",
    "steps.load",
    "steps.docker",
]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    # not `pytest_plugins`: for each of its names pytest reads the metadata of every installed package
    for plugin in PLUGINS:
        pluginmanager.import_plugin(plugin)
    group = parser.getgroup("acceptance", "triton-acceptance (each option has an environment variable)")
    for option in OPTIONS:
        group.addoption(option.name, action="store_true" if option.flag else "store", help=option.help)
