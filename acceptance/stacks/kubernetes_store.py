"""A MinIO in the run's own namespace: pods reach it by its Service, pytest by a port-forward, both with TLS."""

from acceptance.kubernetes.namespace import Namespace
from acceptance.settings import Settings
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.protocol import Say
from acceptance.stacks.run_store import OwnStore
from acceptance.stacks.workspace import Workspace
from acceptance.storage.minio import NAME, PORT, Minio


class ClusterStore(OwnStore):
    """Nothing of it is there before `create`; it all goes with the namespace."""

    def __init__(self, namespace: Namespace, settings: Settings, workspace: Workspace, say: Say) -> None:
        self.host = namespace.named(NAME)
        service = f"{self.host}.{namespace.name}"
        names = [self.host, service, f"{service}.svc", f"{service}.svc.cluster.local"]
        minio = Minio(workspace.directory / NAME, names)
        super().__init__(settings, workspace, say, minio, namespace.forward(NAME, PORT))
        self.namespace, self.created, self.prepared = namespace, False, False

    def variables(self) -> dict[str, str]:
        return self.minio.account(f"{self.host}:{PORT}").variables()

    def create(self) -> None:
        """Create it, once: it starts while images are looked at."""
        if not self.created:
            self.created = True
            for manifest in objects.minio(self.minio):
                self.namespace.create(manifest)

    def prepare(self) -> None:
        """Go on once it is ready and was tried out."""
        if self.prepared:
            return
        self.create()
        pod = self.namespace.waits.ready(NAME)
        # what it has lives and dies with the pod
        self.namespace.pods.vital[pod.metadata.uid] = "MinIO"
        super().prepare()
        self.prepared = True

    def how_to_reach(self) -> list[str]:
        kubectl = f"{self.namespace.cluster.kubectl} -n {self.namespace.name}"
        return [
            f"MinIO, by HTTPS: {kubectl} port-forward deployment/{self.host} {PORT}",
            f"MinIO's keys: {kubectl} get secret {self.namespace.named(objects.STORE)} -o yaml",
            f"MinIO's certificate authority: {self.minio.authority}",
        ]
