"""A codeset's git repository: code is pushed to it and read back. No password is in an argument or a file."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from acceptance.commands import NOT_FOUND, run_program
from acceptance.environment import Kind, environment_of
from acceptance.errors import AcceptanceError, shortened
from acceptance.login import Login
from acceptance.redaction.redactor import Redactor

GIT_SECONDS = 120
BRANCH = "main"
# without a login it would ask for one
REFUSED = ("could not read Username", "Authentication failed")
AUTHOR = {"NAME": "triton-acceptance", "EMAIL": "triton-acceptance@localhost"}


class Git:
    """Asks git, in `directory`, which has the folders `home` and `tmp`; nothing of the user's own settings counts."""

    def __init__(self, directory: Path, redactor: Redactor) -> None:
        self.directory, self.redactor = directory, redactor

    def push(self, folder: Path, address: str, login: Login | None) -> None:
        """Make the folder's files all that the repository's branch has; nothing is pushed where they are."""
        with tempfile.TemporaryDirectory(dir=self.directory / "tmp") as temporary:
            clone, ask = self.clone(Path(temporary), address, login)
            for entry in clone.iterdir():
                if entry.name != ".git":
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            shutil.copytree(folder, clone, dirs_exist_ok=True)
            ask("add", "--all", "--force")
            if ask("status", "--porcelain"):
                ask("commit", "--quiet", "--message", "the codeset of an acceptance run")
                ask("push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")

    def files(self, address: str, login: Login | None) -> dict[str, str]:
        """Return the branch's files, each with git's digest of it."""
        with tempfile.TemporaryDirectory(dir=self.directory / "tmp") as temporary:
            _, ask = self.clone(Path(temporary), address, login)
            listed = ask("ls-tree", "-r", "-z", "--full-tree", f"origin/{BRANCH}").split("\0")
        return {name: about.split()[2] for about, _, name in (entry.partition("\t") for entry in listed if entry)}

    def clone(self, temporary: Path, address: str, login: Login | None) -> tuple[Path, Callable[..., str]]:
        """Return a fresh clone, and what runs git in it."""
        variables = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
        variables |= {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in AUTHOR.items()}
        if login:
            self.redactor.add(login.password)
            pair = {"GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": f"Authorization: {login.basic}"}
            variables |= {"GIT_CONFIG_COUNT": "1", **pair}

        def ask(*arguments: str) -> str:
            return self.output(["-C", str(clone), *arguments], variables)

        clone = temporary / "clone"
        self.output(["clone", "--quiet", address, str(clone)], variables)
        return clone, ask

    def output(self, arguments: list[str], variables: Mapping[str, str]) -> str:
        ended = run_program(
            ["git", *arguments], GIT_SECONDS, {**environment_of(Kind.OWN, self.directory), **variables}, self.directory
        )
        if ended.code == NOT_FOUND:
            raise AcceptanceError(f"{ended.stderr}: install git, by which codesets are pushed")
        if ended.code:
            words = self.redactor.shown(shortened(" ".join((ended.stderr or ended.stdout).split())))
            if any(one in ended.stderr for one in REFUSED):
                words = f"its server refuses the login of the codeset's project: {words}"
            verb = next(one for one in arguments if one in ("clone", "push", "commit", "add", "status", "ls-tree"))
            raise AcceptanceError(f"git {verb} ended with exit code {ended.code}: {words}")
        return ended.stdout


def digests(folder: Path) -> dict[str, str]:
    """Return the folder's files, each with git's digest of it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): blob(path.read_bytes()) for path in files}


def blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
