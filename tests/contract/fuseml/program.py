"""Stands in for FuseML's command line: a small program that a test writes, which the test itself answers by a script.

It matches on the command, on the format, and on what it would have asked the server for: flags that aren't given come
from the configuration file in HOME, as the real one has it. It writes that file, and leaves its clones in TMPDIR.
"""

import contextlib
import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.contract.fuseml.recordings import Names, recording, same_target
from tests.contract.fuseml.server import Replay, git

CONFIGURATION = ".config/fuseml/config.yaml"
FLAGS = {"-n": "name", "-p": "project", "-c": "codeset", "-w": "workflow", "--format": "format", "--url": "url"}
# no library but these: it is started some thirty times for a walk
PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({socket!r})
    about = {{"argv": sys.argv[1:], "environment": dict(os.environ)}}
    asked.sendall(json.dumps(about).encode() + b"\\n")
    said = json.load(asked.makefile())
sys.stdout.write(said["stdout"])
sys.stderr.write(said["stderr"])
sys.exit(said["exit"])
"""


@dataclass
class Program:
    """The program, in a folder. `replay` has the repositories, and for what it stands in for the names of now.

    `calls`: each with its arguments and its environment; `unexpected`: those that were none of the script's.
    """

    folder: Path
    script: list[str]
    replay: Replay
    calls: list[dict[str, Any]] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    at: int = -1

    @property
    def path(self) -> Path:
        return self.folder / "fuseml"

    @property
    def is_over(self) -> bool:
        return not self.unexpected and self.at == len(self.script) - 1

    @contextlib.contextmanager
    def running(self) -> Iterator["Program"]:
        """Write the program, and answer it until the context ends."""
        self.folder.mkdir(exist_ok=True)
        socket = str(self.folder / "socket")
        self.path.write_text(PROGRAM.format(python=sys.executable, socket=socket))
        self.path.chmod(0o755)
        program = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                said = program.answer(json.loads(self.rfile.readline()))
                self.wfile.write(json.dumps(said).encode())

        with socketserver.ThreadingUnixStreamServer(socket, Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield self
            finally:
                server.shutdown()

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """Return what the program says, and do what it does on disk."""
        self.calls.append(call)
        words, flags = flags_of(call["argv"])
        home, temporary = (Path(call["environment"][name]) for name in ("HOME", "TMPDIR"))
        file = home / CONFIGURATION
        current = yaml.safe_load(file.read_text()) if file.exists() else {}
        target = target_of(words, flags, current)
        for at in (self.at + 1, self.at):
            names = Names(dict(self.replay.names.now))
            if 0 <= at < len(self.script):
                kept = recording("cli", self.script[at], self.replay.own)
                if matches(kept, words, flags, target, names):
                    self.at, self.replay.names = at, names
                    self.act(kept, home, temporary, words, flags)
                    return {
                        "exit": kept["exit"],
                        **{name: self.replay.put(kept[name]) for name in ("stdout", "stderr")},
                    }
        self.unexpected.append(f"{call['argv']} ({target})")
        return {"exit": 1, "stdout": "", "stderr": "error: nothing like that was recorded\n"}

    def act(self, kept: Any, home: Path, temporary: Path, words: list[str], flags: dict[str, str]) -> None:
        for name in kept.get("left_in_tmp") or ():
            (temporary / name / ".git").mkdir(parents=True)
            (temporary / name / ".git" / "config").write_text("url = http://fuseml-demo:PASSWORD@gitea/x.git\n")
        for name, wrote in (kept.get("wrote") or {}).items():
            file = home / name.removeprefix("~/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.replay.put(wrote["content"]))
            file.chmod(int(wrote["mode"], 8))
        if words[:2] == ["codeset", "register"] and kept["exit"] == 0:
            repository = self.replay.repository(f"{flags['project']}/{flags['name']}.git")
            work = ("--git-dir", str(repository), "--work-tree", words[2], "-c", "core.bare=false")
            git(repository, *work, "add", "--all", "--force")
            git(repository, *work, "commit", "--quiet", "--allow-empty", "-m", "pushed")


def flags_of(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words of a call, and its flags."""
    words, flags, rest = [], {}, list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--all":
            flags["all"] = "yes"
        elif word.startswith("-"):
            flags[FLAGS.get(word, word)] = rest.pop(0)
        else:
            words.append(word)
    return words, flags


def target_of(words: list[str], flags: dict[str, str], current: dict[str, str]) -> str:
    """Return what the program asks the server for, with what its configuration has."""
    project = flags.get("project", current.get("currentproject", ""))
    codeset = flags.get("codeset", current.get("currentcodeset", ""))
    name = flags.get("name", "")
    of = f"codesetName={codeset}&codesetProject={project}"
    match words[:2]:
        case ["version"]:
            return "/version"
        case ["extension", "list"]:
            return "/extensions"
        case ["codeset", "list"]:
            return f"/codesets?label=&project={'' if 'all' in flags else project}"
        case ["codeset", "register"]:
            return f"/codesets?description=&name={name}&project={project}"
        case ["codeset", "get" | "delete"]:
            return f"/codesets/{project}/{name or current.get('currentcodeset', '')}"
        case ["project", "delete"]:
            return f"/projects/{name}"
        case ["workflow", "list"]:
            return f"/workflows?name={name}"
        case ["workflow", "create"]:
            return "/workflows"
        case ["workflow", "delete"]:
            return f"/workflows/{name}"
        case ["workflow", "list-assignments"]:
            return f"/workflows/assignments?name={name}"
        case ["workflow", "list-runs"]:
            return f"/workflows/runs?{of}&name={name}&status="
        case ["workflow", "assign"]:
            return f"/workflows/assignments?{of}&name={name}"
        case ["workflow", "unassign"]:
            return f"/workflows/assignments/{name}?{of}"
        case ["application", "list"]:
            return f"/applications?type=&workflow={flags.get('workflow', '')}"
        case ["application", "delete"]:
            return f"/applications/{name}/"
    return "/nothing"


def matches(kept: Any, words: list[str], flags: dict[str, str], target: str, names: Names) -> bool:
    """Say whether a call is the recorded one, or asks the server for the same in the same words and format."""
    were, had = flags_of([word for word in kept["argv"][1:] if word not in ("-v",)])
    if words[:2] != were[:2] or flags.get("format") != had.get("format"):
        return False
    if words[:2] == ["workflow", "create"]:
        names.now[Path(were[2]).stem] = yaml.safe_load(Path(words[2]).read_text())["name"]
    recorded = [each["request"].get("target") or each["request"]["path"] for each in kept.get("http", [])]
    # failures that never asked the server, and those of other servers, are matched by their words
    return same_target(target, recorded[-1], names) if recorded else words == were
