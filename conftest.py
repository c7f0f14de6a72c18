"""Options and plugins only; nothing imports this file."""

import pytest

from acceptance.settings import OPTIONS

pytest_plugins = [
    "fixtures.report",
    "fixtures.scenarios",
    "fixtures.gherkin",
    "fixtures.session",
    "fixtures.cluster",
    "fixtures.gpu_lease",
    "fixtures.gpu_node",
    "fixtures.training",
    "fixtures.serving",
    "fixtures.load",
    "fixtures.docker",
    "steps.cluster",
    "steps.gpu_node",
    "steps.training",
    "steps.serving",
    "steps.prediction",
    "steps.load",
    "steps.docker",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("acceptance", "triton-acceptance (each option has an environment variable)")
    for option in OPTIONS:
        action = "store_true" if option.flag else "store"
        group.addoption(option.name, action=action, help=f"{option.help} [env: {option.environment}]")
