"""From a sentence of a feature to the line that does the work it is at most three files: step, fixture, room.

Followed as a reader does: from the sentence to its step function; from there to each fixture that the step names, but
those that an earlier sentence of the scenario made; in a fixture to whatever it calls, until that is the product's own.
What a fixture is merely given (the run that a predictor serves) was made for it before and is another sentence's work.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

import parse
import pytest
from pytest_bdd.feature import get_features

from acceptance.paths import FEATURES, ROOT

# what a step notes, skips or asks pytest with, or frees the GPU by, and no work of the sentence's
PLUMBING = {"request", "figures", "record", "terminal", "settings", "pytestconfig", "record_property", "gpu_lease"}
# the stack, the data set and the like, which are there before any sentence
RUNS_OWN = ROOT / "fixtures" / "stack.py"
MOST_FILES = 3


@dataclass(frozen=True)
class Function:
    """A step or a fixture, the file that it is in, and what that file imports from the product."""

    file: Path
    node: ast.FunctionDef
    imported: frozenset[str]

    @property
    def parameters(self) -> list[str]:
        return [argument.arg for argument in self.node.args.args]

    @property
    def gives_product(self) -> bool:
        """Whether the fixture's value is an object of the product's: what is called on it is the product's line."""
        returned = self.node.returns
        if isinstance(returned, ast.Subscript):  # Iterator[...]
            returned = returned.slice
        return isinstance(returned, ast.Name) and returned.id in self.imported

    def calls(self) -> set[str]:
        """Return the names whose call, or whose attribute's call, is in the body."""
        found = set()
        for node in ast.walk(self.node):
            if isinstance(node, ast.Call):
                root = node.func
                while isinstance(root, ast.Attribute):
                    root = root.value
                if isinstance(root, ast.Name):
                    found.add(root.id)
        return found


def functions_in(folder: str) -> list[tuple[Function, list[ast.expr]]]:
    """Return every function of the folder's files with its decorators."""
    found = []
    for file in sorted((ROOT / folder).glob("*.py")):
        tree = ast.parse(file.read_text())
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("acceptance")
            for alias in node.names
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found.append((Function(file, node, frozenset(imported)), node.decorator_list))
    return found


def step_patterns() -> list[tuple[parse.Parser, Function, str]]:
    """Return each step's pattern, its function, and the fixture that its value becomes."""
    found = []
    for function, decorators in functions_in("steps"):
        for decorator in decorators:
            if not isinstance(decorator, ast.Call):
                continue
            text = decorator.args[0]
            if isinstance(text, ast.Call):  # parsers.parse("...")
                text = text.args[0]
            target = [word.value for word in decorator.keywords if word.arg == "target_fixture"]
            assert isinstance(text, ast.Constant)
            made = target[0].value if target and isinstance(target[0], ast.Constant) else ""
            found.append((parse.compile(text.value), function, str(made)))
    return found


def fixtures() -> dict[str, Function]:
    return {
        function.node.name: function
        for function, decorators in functions_in("fixtures")
        if any("fixture" in ast.unparse(decorator) for decorator in decorators)
    }


STEPS, FIXTURES = step_patterns(), fixtures()


def sentences() -> list[tuple[str, list[str]]]:
    """Return every sentence with those before it in its scenario."""
    found: dict[str, list[str]] = {}
    for feature in get_features([str(FEATURES)]):
        for template in feature.scenarios.values():
            for example in [context for table in template.examples for context in table.as_contexts()] or [{}]:
                steps = [step.name for step in template.render(example).steps]
                for number, text in enumerate(steps):
                    found.setdefault(text, steps[:number])
    return sorted(found.items())


def step_of(sentence: str) -> tuple[Function, str]:
    matching = [(function, made) for pattern, function, made in STEPS if pattern.parse(sentence)]
    assert len(matching) == 1, f"{sentence!r} has the steps {matching}"
    return matching[0]


def chains(function: Function, given: set[str], so_far: tuple[Path, ...] = ()) -> list[tuple[Path, ...]]:
    """Return the files on each way from the function to the product, whose own file is one more.

    `given`: the fixtures that earlier sentences made or named.
    """
    files = so_far if function.file in so_far else (*so_far, function.file)
    parameters = set(function.parameters) - given - PLUMBING
    # a step's fixtures are its work; of a fixture's own, only those that it calls
    followed = parameters if not so_far else parameters & function.calls()
    found = []
    for name in followed & set(FIXTURES):
        fixture = FIXTURES[name]
        # the run's own objects, and what a fixture calls of the product's: the next file is the product's
        ends = fixture.file == RUNS_OWN or (so_far and fixture.gives_product)
        found += [files] if ends else chains(fixture, given, files)
    return found or [files]


@pytest.mark.parametrize(("sentence", "before"), sentences())
def test_a_sentence_is_three_files_from_its_work_at_most(sentence, before):
    function, _ = step_of(sentence)
    given = {name for earlier in before for name in (step_of(earlier)[1], *step_of(earlier)[0].parameters)}
    for files in chains(function, given):
        names = [str(file.relative_to(ROOT)) for file in files]
        assert len(files) + 1 <= MOST_FILES, f"{sentence!r} goes through {names} before the product's own file"
