"""What may import what where import-linter doesn't look, that tests change nothing of what they test, and text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.paths import CODESET, FEATURES, ROOT

SUITE = {"acceptance", "fixtures", "steps", "tests", "tools"}


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it, as far as to the first dot."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return {name.split(".")[0] or "." for name in found}


def test_the_codeset_imports_nothing_of_the_suite():
    files = sorted(CODESET.rglob("*.py"))
    assert CODESET / "train.py" in files
    assert {file.name: imports(file) & SUITE for file in files if imports(file) & SUITE} == {}


def test_the_features_bind_scenarios_and_import_nothing_else():
    files = sorted(FEATURES.rglob("*.py"))
    assert files
    assert [imports(file) for file in files] == [{"pytest_bdd"}] * len(files)


# --- tests replace nothing

REPLACING = ("setattr", "delattr", "setitem", "delitem")


def faults(source: str) -> Iterator[int]:
    """Yield the lines in which a file replaces what isn't its own, or makes half of an object."""
    tree = ast.parse(source)
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="unittest.mock" | "mock", names=names):
                if any(alias.name == "patch" for alias in names):
                    yield node.lineno
            case ast.Attribute(value=ast.Name("mock"), attr="patch"):
                yield node.lineno
            case ast.Call(func=ast.Name("setattr" | "delattr")):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr=name)) if name in REPLACING or name == "__new__":
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name("vars")), attr="update")):
                yield node.lineno
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                yield from (node.lineno for target in targets if is_imported(target, imported))
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                if is_imported(target, imported):
                    yield node.lineno


def is_imported(target: ast.expr, imported: set[str]) -> bool:
    """Say whether an attribute or an item belongs to what the file imports, such as `module.NAME[0]`."""
    if isinstance(target, ast.Tuple | ast.List):
        return any(is_imported(part, imported) for part in target.elts)
    inner = target
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    match inner:
        case ast.Call(func=ast.Name("vars")):
            return True
        case ast.Name(name):
            return inner is not target and name in imported
    return False


def test_tests_replace_nothing_of_what_they_test():
    found = []
    for file in sorted((ROOT / "tests").rglob("*.py")):
        lines = file.read_text().splitlines()
        for number in faults(file.read_text()):
            found.append(f"{file.relative_to(ROOT)}: {lines[number - 1].strip()}")
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "monkeypatch.setattr(plots, 'plots', None)",
        "patch.setattr('sys.executable', 'x')",
        "monkeypatch.delattr(plots, 'plots')",
        "monkeypatch.setitem(sys.modules, 'plots', None)",
        "setattr(Plot, 'title', '')",
        "mock.patch('acceptance.report.plots.plots')",
        "from unittest.mock import patch",
        "plots.plots = None",
        "plots.SIZE[0] = 1",
        "sys.stdout, other = None, 1",
        "Plot.title = ''",
        "plots.SIZE += (1,)",
        "del plots.plots",
        "Plot.__new__(Plot)",
        "vars(plots).update(plots=None)",
        "vars(plots)['plots'] = None",
    ],
)
def test_each_way_to_replace_something_is_seen(line):
    head = "import sys\nfrom unittest import mock\nfrom acceptance.report import plots\nfrom a.b import Plot\n"
    assert list(faults(head + line)) == [5]


@pytest.mark.parametrize(
    "line",
    [
        "monkeypatch.setenv('CI', '1')",
        "monkeypatch.syspath_prepend('x')",
        "plot = Plot('title', 'svg', 'alt')",
        "plot.title = ''",
        "self.plots = plots",
        "found['plots'] = plots.plots",
        "names = vars(plots).items()",
    ],
)
def test_what_is_a_tests_own_is_its_own(line):
    assert list(faults(f"from acceptance.report import plots\nfrom a.b import Plot\n{line}")) == []


# --- text is UTF-8, whatever the locale

OPENING = ("open", "read_text", "write_text", "fdopen", "NamedTemporaryFile", "TemporaryFile")
PRODUCT = [*(ROOT / name for name in ("acceptance", "fixtures", "steps", "codeset", "features", "tools"))]


def in_the_locales_encoding(source: str) -> Iterator[int]:
    """Yield the lines that read or write text without naming its encoding: a file's, or a process's."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        modes = [one.value for one in [*node.args, *given.values()] if isinstance(one, ast.Constant)]
        binary = any(isinstance(mode, str) and "b" in mode and len(mode) <= 3 for mode in modes)
        binary |= "mode" not in given and name.endswith("TemporaryFile")
        numbers = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in ("os.open", "tarfile.open")
        if name in OPENING and not binary and not numbers and "encoding" not in given:
            yield node.lineno
        if {"text", "universal_newlines"} & given.keys() and "encoding" not in given:
            yield node.lineno


def test_the_product_names_the_encoding_of_its_text():
    files = [file for folder in PRODUCT for file in sorted(folder.rglob("*.py"))]
    assert len(files) > len(PRODUCT)
    found = []
    for file in files:
        lines = file.read_text().splitlines()
        found += [
            f"{file.relative_to(ROOT)}: {lines[at - 1].strip()}" for at in in_the_locales_encoding("\n".join(lines))
        ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("path.read_text()", [1]),
        ("path.write_text('x')", [1]),
        ("path.read_text(errors='replace')", [1]),
        ("open(path)", [1]),
        ("path.open('w')", [1]),
        ("subprocess.run(command, text=True)", [1]),
        ("tempfile.TemporaryFile(mode='w')", [1]),
        ("path.read_text(encoding='utf-8')", []),
        ("path.open('rb')", []),
        ("os.fdopen(number, 'wb')", []),
        ("tarfile.open(path)", []),
        ("tempfile.TemporaryFile()", []),
        ("subprocess.run(command, encoding='utf-8')", []),
    ],
)
def test_text_in_the_locales_encoding_is_seen(line, found):
    assert list(in_the_locales_encoding(line)) == found


# --- whatever is started has an environment that was made for it


STARTING = ("run", "Popen", "popen", "call", "check_call", "check_output", "system")


def inheriting(source: str) -> Iterator[int]:
    """Yield the lines that start a program in this process's own environment."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(ast.Name("subprocess" | "self" | "os"), name), keywords=keywords):
                if name in STARTING and "env" not in {keyword.arg for keyword in keywords}:
                    yield node.lineno


def test_what_the_product_starts_has_an_environment_of_its_own():
    files = [file for name in ("acceptance", "fixtures", "steps") for file in sorted((ROOT / name).rglob("*.py"))]
    found = {str(file.relative_to(ROOT)): list(inheriting(file.read_text())) for file in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("subprocess.run(command)", [1]),
        ("subprocess.Popen(command)", [1]),
        ("self.popen(command)", [1]),
        ("os.system(command)", [1]),
        ("subprocess.run(command, env=variables)", []),
        ("subprocess.TimeoutExpired(command, 1)", []),
    ],
)
def test_what_inherits_all_is_seen(line, found):
    assert list(inheriting(line)) == found
