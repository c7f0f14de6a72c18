"""What the runs of `tests.prepared` find loaded: nothing that asks the environment while it is loaded, no plugin."""

import importlib
import inspect

from acceptance.report import page

LIBRARIES = (
    *("gherkin.parser", "jinja2.ext", "mako.lookup", "numpy", "parse_type", "pygments.formatters.terminal"),
    *("pygments.lexers.python", "pytest", "requests", "scipy.special", "yaml"),
    *("acceptance.stacks.docker", "acceptance.stacks.kubernetes"),
)

for name in LIBRARIES:
    importlib.import_module(name)
page.template()
inspect.getmodule(page.words.__code__)  # looks up every module's file, as pytest does for a failure's source
