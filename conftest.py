"""Plugins only; nothing imports this file. `fixtures.options` is loaded earlier, by `addopts`."""

import pytest

PLUGINS = [
    "fixtures.hooks",
    "fixtures.scenarios",
    "fixtures.gherkin",
    "fixtures.settings",
    "fixtures.session",
    "fixtures.stack",
    "fixtures.requirements",
    "fixtures.serving",
    "fixtures.training",
    "fixtures.load",
    "fixtures.cluster",
    "fixtures.kserve",
    "fixtures.workflows",
    "fixtures.docker",
    "steps.cluster",
    "steps.gpu_node",
    "steps.training",
    "steps.serving",
    "steps.prediction",
    "steps.load",
    "steps.kserve",
    "steps.workflows",
    "steps.docker",
]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    # not `pytest_plugins`: for each of its names pytest reads the metadata of every installed package
    for plugin in PLUGINS:
        pluginmanager.import_plugin(plugin)
