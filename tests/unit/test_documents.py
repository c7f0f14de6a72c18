"""What the documents say that can be checked: options, links, make targets, and the commands of the quick start."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.kubernetes import manifests
from acceptance.kubernetes.rights import FOR_KSERVE, FOR_SELDON, FOR_STORE, IN_NAMESPACE, in_given_namespace
from acceptance.options import OPTIONS
from acceptance.stacks import embedded_needs
from tests.documented_rights import cluster_rules
from tests.hostile.table import ROWS

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md")])
}
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`\n]+`")
OUTSIDE = re.compile(r"[a-z]+:")


def table(text: str, first: str) -> list[list[str]]:
    """Return the cells of the table whose first heading is `first`, without its headings and without back quotes."""
    lines = text[text.index(f"| {first} |") :].splitlines()[2:]
    rows = lines[: next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def prose(text: str) -> str:
    """Return a document without its code."""
    return CODE.sub("", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return what GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> Iterator[str]:
    for link in LINK.findall(prose(path.read_text())):
        if OUTSIDE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            yield link


def targets_named(text: str) -> set[str]:
    """Return the make targets of a document's code."""
    code = [*FENCE.findall(text), *CODE.findall(text), *re.findall(r"^    (.*)$", text, re.MULTILINE)]
    return {name for part in code for name in re.findall(r"(?<![\w-])make ([a-z][\w-]*)", part)}


def commands_of_ci() -> list[list[str]]:
    """Return the words of each command that CI runs by itself, without what goes on after the first shell operator."""
    lines = (ROOT / ".ci/run").read_text().splitlines()
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        lines += re.findall(r"^ *run: (.*)$", workflow.read_text(), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines if line.strip().startswith("make ")]


def test_the_readme_is_short_enough_to_be_read() -> None:
    lines = DOCUMENTS["README.md"].read_text().splitlines()

    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []


def test_no_documents_prose_is_wider_than_the_code() -> None:
    wide = {
        name: [line for line in document.read_text().splitlines() if len(line) > 120 and not line.startswith("|")]
        for name, document in DOCUMENTS.items()
    }

    assert {name: lines for name, lines in wide.items() if lines} == {}


def test_every_option_is_documented_with_its_default_and_its_variable() -> None:
    documented = {row[0]: row[1:3] for row in table(DOCUMENTS["docs/options.md"].read_text(), "option")}

    assert documented == {option.name: [option.default or "-", option.environment] for option in OPTIONS}


def test_the_readmes_five_options_are_as_they_are() -> None:
    documented = {row[0]: row[1:3] for row in table(DOCUMENTS["README.md"].read_text(), "option")}
    options = {option.name: [option.default or "-", option.environment] for option in OPTIONS}

    assert len(documented) == 5
    assert documented == {name: options[name] for name in documented}


def test_the_machines_that_are_not_like_ours_are_those_of_the_table() -> None:
    documented = table(DOCUMENTS["docs/hostile.md"].read_text(), "machine")

    assert documented == [[cell.replace("`", "") for cell in (row.what, row.comes_of_it)] for row in ROWS]


def test_what_the_embedded_target_tries_is_documented_with_its_figures() -> None:
    needed = {row[0].split("ulimit -H")[-1]: row[1] for row in table(DOCUMENTS["docs/hostile.md"].read_text(), "what")}
    sizes = {limit.option: limit.least for limit in embedded_needs.LIMITS}

    assert needed.pop("n") == str(sizes.pop("n"))
    assert {option: needed[option] for option in sizes} == {option: gibibytes(least) for option, least in sizes.items()}
    assert needed["shared memory in /dev/shm"] == gibibytes(embedded_needs.SHARED_MEMORY_BYTES)
    assert needed["threads"].split()[0] == str(embedded_needs.THREADS)
    assert needed["ports of 127.0.0.1"].split(",")[0] == str(embedded_needs.PORTS)
    for size in (embedded_needs.CIFAR10_BYTES, embedded_needs.STAND_IN_BYTES):
        assert gibibytes(size) in needed["memory, of the machine and of the control groups"]


def gibibytes(size: int) -> str:
    return f"{size / 2**30:g} GiB" if size >= 1 << 30 else f"{size / 2**20:g} MiB"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    assert list(broken_links(DOCUMENTS[name])) == []


def test_a_link_to_a_missing_page_or_heading_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading, here\n[a](page.md#a-heading-here) [b](none.md) [c](#none) [d](https://x.org) `[e](f)`\n"
    )

    assert list(broken_links(page)) == ["none.md", "#none"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert targets_named(DOCUMENTS[name].read_text()) - targets == set()


def test_a_target_is_found_in_code_of_every_kind() -> None:
    text = "make sense of\n`make one`\n```sh\nmake two\n```\n    X=1 make three\n"

    assert targets_named(text) == {"one", "two", "three"}


def test_ci_runs_every_command_of_the_quick_start() -> None:
    text = DOCUMENTS["README.md"].read_text()
    section = text[text.index("## Quick start") :].split("\n## ")[0]
    commands = [shlex.split(line) for block in FENCE.findall(section) for line in block.splitlines()]

    assert commands
    for command in commands:
        run = [words[: len(command)] for words in commands_of_ci()]
        assert command in run


def test_the_role_of_those_who_make_namespaces_has_what_the_documents_list_and_nothing_else() -> None:
    (role,) = [one for one in manifests.read_component("rbac") if one["metadata"]["name"].endswith("-runner")]
    assert granted(role["rules"]) == granted(cluster_rules("kubernetes.md", "kserve.md", "seldon.md"))


def granted(rules: list[dict[str, list[str]]]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_role_of_guests_has_what_a_run_asks_for() -> None:
    (role,) = [one for one in manifests.read_component("rbac") if one["metadata"]["name"].endswith("-guest")]
    wanted = in_given_namespace([*IN_NAMESPACE, *FOR_STORE, *FOR_KSERVE, *FOR_SELDON])
    asked = {(one.group, one.resource, verb) for one in wanted for verb in one.verbs}
    assert asked <= granted(role["rules"])
