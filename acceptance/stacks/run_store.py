"""Where a run's MLflow keeps its artifacts: a prefix of the user's object store, or a MinIO of the run's own."""

import secrets
from pathlib import Path

from acceptance.errors import Problem, problem_of
from acceptance.processes.local import Processes, module_command
from acceptance.serving import served_model
from acceptance.serving.repository import MODEL_FILE
from acceptance.serving.served_model import ServedModel
from acceptance.settings import Settings
from acceptance.stacks.protocol import Say
from acceptance.stacks.workspace import Workspace
from acceptance.storage import abandoned, checks, cleanup
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import Location, read_location
from acceptance.storage.minio import NAME, PORT, Minio
from acceptance.storage.variables import Account
from acceptance.training.tracking import TrainingRun

OPTION = "--store"
# where beneath the run's prefix MLflow keeps its artifacts
ARTIFACTS = "artifacts"


class RunStore:
    """A prefix that nobody else has, in a store of the user's; `account`: in another one."""

    def __init__(self, settings: Settings, workspace: Workspace, say: Say, account: Account | None = None) -> None:
        self.say = say
        self.above = read_location(settings.store_place, OPTION)
        self.bucket = Bucket(self.above.beneath(f"{abandoned.NAMED}{secrets.token_hex(4)}"), account)
        workspace.redactor.add_variables(self.bucket.variables())

    @property
    def location(self) -> Location:
        return self.bucket.location

    @property
    def artifacts(self) -> Location:
        """Where the run's MLflow keeps its artifacts."""
        return self.location.beneath(ARTIFACTS)

    def variables(self) -> dict[str, str]:
        """Return the variables by which the run's MLflow reaches the store; they hold secrets."""
        return self.bucket.variables()

    def try_out(self) -> None:
        """Do once what the run will do there; raises AcceptanceError with what can't be done."""
        checks.try_out(self.bucket)
        for note in self.bucket.notes:
            self.say(f"{self.location}: {note}")

    def put_folder(self, folder: Path, name: str) -> None:
        """Write each file of a folder beneath that name."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.bucket.put(f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def delete_folder(self, name: str) -> None:
        """Delete each file beneath that name."""
        self.bucket.delete_all(name)

    def names(self, name: str) -> list[str]:
        """Return the objects beneath that name, as `s3://bucket/key`."""
        return [str(self.location.beneath(one)) for one in self.bucket.names() if one.startswith(f"{name}/")]

    def model(self, run: TrainingRun) -> ServedModel:
        """Return the run's ONNX file as the store has it."""
        artifact = run.model_uri("onnx").removeprefix("mlflow-artifacts:").strip("/")
        return self.read(f"{ARTIFACTS}/{artifact}/{MODEL_FILE}")

    def read(self, name: str) -> ServedModel:
        """Return the ONNX file of that name."""
        return served_model.read_data(self.bucket.get(name), str(self.location.beneath(name)))

    def how_to_reach(self) -> list[str]:
        """Return lines on a store that was kept with the stack."""
        return []

    def close(self) -> None:
        """Delete what would be left of it."""

    @property
    def how_to_remove(self) -> list[str]:
        """The command that deletes what was kept, and lies outside of the stack."""
        return []


class UsersStore(RunStore):
    """A prefix of the user's store. The guardian deletes it where pytest was killed; with `--keep` it stays."""

    def __init__(self, settings: Settings, workspace: Workspace, processes: Processes, say: Say) -> None:
        super().__init__(settings, workspace, say)
        self.keep = settings.keep
        processes.afterwards(self.how_to_remove, f"delete what lies beneath {self.location}")

    def try_out(self) -> None:
        abandoned.note_owner(self.bucket, self.keep)
        super().try_out()
        for place in abandoned.delete_abandoned(self.above):
            self.say(f"{place}: deleted, a run left it there")

    def close(self) -> None:
        if not self.keep:
            self.bucket.delete_all()

    @property
    def how_to_remove(self) -> list[str]:
        return module_command(cleanup.__name__, str(self.location))


class OwnStore(RunStore):
    """A MinIO that goes with the stack; `address` is its `host:port` as it is reached from here."""

    def __init__(self, settings: Settings, workspace: Workspace, say: Say, minio: Minio, address: str) -> None:
        super().__init__(settings, workspace, say, minio.account(address))
        self.minio = minio

    def variables(self) -> dict[str, str]:
        return self.minio.account(f"{NAME}:{PORT}").variables()

    def prepare(self) -> None:
        """Make the bucket, once it answers, and try it out."""
        self.bucket.make()
        self.try_out()


def problems(settings: Settings, reached_by: str = "") -> list[Problem]:
    """Return why the user's store can't be used, nothing where there is none.

    `reached_by`: what is to reach it besides pytest, "pods" or "containers", where that isn't on this machine itself.
    """
    if not settings.store or settings.minio:
        return []
    problem = problem_of(lambda: checks.look_at(read_location(settings.store, OPTION), reached_by))
    return [problem] if problem else []
