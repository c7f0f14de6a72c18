"""What containers are given to reach an object store or a tracking server, and a MinIO of the run's own."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acceptance.docker.container import Container
from acceptance.docker.engine import Engine
from acceptance.errors import AcceptanceError, Problem
from acceptance.files import write_whole
from acceptance.health import unready
from acceptance.kubernetes import manifests
from acceptance.settings import Settings
from acceptance.stacks.protocol import Say
from acceptance.stacks.run_store import OwnStore, RunStore
from acceptance.stacks.workspace import Workspace
from acceptance.storage.minio import NAME, PORT, Minio
from acceptance.storage.variables import elsewhere
from acceptance.training.server import UsersServer
from acceptance.training.server import elsewhere as elsewhere_tracked

# the user of the suite's images, who owns what is copied into a container
USER = "1000"
CERTIFICATES, HOME = "/certificates", "/minio"
TRACKING = "/tracking-server"
AUTHORITY = "authority.crt"
FIX = "docs/storage.md says how containers reach a store"


@dataclass(frozen=True)
class Given:
    """What a container is given to reach a store: variables, which hold secrets, and folders."""

    environment: Mapping[str, str]
    files: Mapping[str, Path]


def given(store: RunStore | None, folder: Path) -> Given:
    """Return what MLflow's container is given; `folder`: where what is copied into it is written."""
    if not store:
        return Given({}, {})
    variables, authority = elsewhere(store.variables(), f"{CERTIFICATES}/{AUTHORITY}")
    if not authority:
        return Given(variables, {})
    folder.mkdir(exist_ok=True)
    write_whole(folder / AUTHORITY, authority)
    return Given(variables, {CERTIFICATES: folder})


def given_tracking(server: UsersServer, folder: Path) -> Given:
    """Return what a container is given to reach a tracking server of the user's; `folder`: as above."""
    variables, texts = elsewhere_tracked(server.for_trainer, TRACKING)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in texts.items():
        write_whole(folder / name, text, mode=0o600)
    return Given(variables, {TRACKING: folder} if texts else {})


def check_inside(engine: Engine, image: str, store: RunStore, to: Given) -> None:
    """Write and delete an object in a container, as MLflow's pod does first; raises AcceptanceError with its words."""
    tried = store.location.beneath("tried/from-a-container")
    ended = engine.output(
        "store",
        image,
        container("mlflow", "store")["command"],
        environment={**to.environment, "BUCKET": tried.bucket, "KEY": tried.prefix},
        files=to.files,
    )
    if ended.code:
        raise AcceptanceError(Problem(f"container store: {ended.output.strip()}", FIX))


class DockerStore(OwnStore):
    """MinIO in a container, which the run's others call by its name; it goes with them."""

    def __init__(self, engine: Engine, image: str, settings: Settings, workspace: Workspace, say: Say) -> None:
        """Start it; raises AcceptanceError where Docker can't."""
        folder = workspace.directory / NAME
        minio = Minio(folder, [NAME, engine.host])
        self.server = start(engine, image, minio, folder)
        self.address = self.server.address(PORT)
        super().__init__(settings, workspace, say, minio, self.address)

    def not_ready(self) -> str:
        """Return "" once it answers, else what of it is not ready; raises Unrecoverable where it never will be."""
        return unready("MinIO", f"https://{self.address}/minio/health/ready", authority=self.minio.authority)

    def how_to_reach(self) -> list[str]:
        return [
            f"MinIO: https://{self.address}",
            f"MinIO's keys: docker inspect {self.server.container.name}",
            f"MinIO's certificate authority: {self.minio.authority}",
        ]


def start(engine: Engine, image: str, minio: Minio, folder: Path) -> Container:
    """Start MinIO with its certificate, as the user of the suite's other images, whatever its own is."""
    certificate, home = folder / "certificate", folder / "home"
    home.mkdir()
    certificate.mkdir(mode=0o700)
    for name, text in minio.certificate().items():
        write_whole(certificate / name, text, mode=0o600)
    try:
        return engine.start(
            NAME,
            image,
            container("minio", NAME)["args"],
            environment={**minio.environment(), "HOME": HOME},
            files={CERTIFICATES: certificate, HOME: home},
            ports=[PORT],
            user=USER,
        )
    finally:  # nobody else needs the key
        shutil.rmtree(certificate)


def container(component: str, name: str) -> manifests.Manifest:
    """Return a container as pods have it."""
    return manifests.container_of(manifests.read_kind(component, "Deployment"), name)
