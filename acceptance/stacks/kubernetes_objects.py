"""The objects that the Kubernetes stack creates, rendered for one training, predictor or load."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from acceptance.data.dataset import Dataset
from acceptance.kserve.service import AUTHORITY_FILE
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.load import vegeta
from acceptance.load.result import LoadPlan
from acceptance.serving import onnx_versions, repository
from acceptance.serving.endpoint import Endpoint
from acceptance.stacks.protocol import Part
from acceptance.stacks.run_store import RunStore
from acceptance.storage import minio as storage
from acceptance.storage.minio import Minio
from acceptance.storage.variables import elsewhere
from acceptance.training import artifacts, server_verdict
from acceptance.training.project import device_environment, project_options
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from acceptance.training.server import elsewhere as elsewhere_tracked
from acceptance.training.tracking import TrainingRun

# what a predictor is made of
PREDICTOR = ("Deployment", "Service", "ConfigMap")
# where the run's MLflow has the data set's files
DATASET = "dataset"
MLFLOW = "http://mlflow:5000"


# the keys of the run's object store, and the certificate authority of its endpoint
STORE, AUTHORITY = "object-store", "object-store-authority"
# the account on the user's tracking server, and where pods have its files
TRACKING, TRACKING_FOLDER = "tracking-server", "/tracking-server"


def mlflow(store: RunStore | None = None) -> list[Manifest]:
    """Return what the run's MLflow is made of; with an object store, its keys and what looks at it first too."""
    found = manifests.read_component("mlflow")
    (deployment,) = [manifest for manifest in found if manifest["kind"] == "Deployment"]
    if not store:
        del deployment["spec"]["template"]["spec"]["initContainers"]
        return found
    tried = store.location.beneath("tried/from-a-pod")
    manifests.set_variables(deployment, "store", BUCKET=tried.bucket, KEY=tried.prefix)
    manifests.set_variables(deployment, "mlflow", ARTIFACTS=str(store.artifacts))
    variables, authority = elsewhere(store.variables(), f"/authority/{AUTHORITY_FILE}")
    keys = [manifests.secret(STORE, variables)]
    return [*keys, *([manifests.config_map(AUTHORITY, {AUTHORITY_FILE: authority})] if authority else []), *found]


def tracking_server(server: UsersServer) -> list[Manifest]:
    """Return the Secrets by which pods reach a tracking server of the user's."""
    variables, files = elsewhere_tracked(server.for_trainer, TRACKING_FOLDER)
    return [manifests.secret(TRACKING, variables), *([manifests.secret(f"{TRACKING}-files", files)] if files else [])]


def server_check(variables: Mapping[str, str]) -> Manifest:
    """Return the pod that tries that server out; what its Secret has is left out of the variables."""
    (pod,) = manifests.read_component("mlflow-check")
    container = manifests.container_of(pod, "mlflow-check")
    container["command"] += [server_verdict.SCRIPT.read_text(encoding="utf-8")]
    container["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    return pod


def minio(given: Minio) -> list[Manifest]:
    """Return what the run's own object store is made of: its account and its certificate first."""
    account = manifests.secret(storage.NAME, given.environment())
    certificate = manifests.secret(f"{storage.NAME}-certificate", given.certificate())
    return [account, certificate, *manifests.read_component("minio")]


def codeset(folder: Path) -> Manifest:
    """Return the ConfigMap of the MLflow Project."""
    return manifests.config_map(
        "codeset", {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if is_code(file)}
    )


def is_code(file: Path) -> bool:
    """Say whether a file of the codeset is part of the MLflow Project, and no editor's or system's."""
    return file.is_file() and (file.suffix in (".py", ".yaml") or file.name == "MLproject")


def training_job(name: str, recipe: Recipe, dataset: Dataset, server: UsersServer | None = None) -> Manifest:
    """Return the Job that trains the recipe on the data set, whose files the run's MLflow has by then.

    `server`: the user's, whose Secret there is by then too.
    """
    (job,) = manifests.read_component("training")
    folder = dataset.folder.name
    manifests.set_variables(
        job,
        "dataset",
        FOLDER=f"/data/{folder}",
        FILES=" ".join(file.name for file in dataset.files()),
        FOLDER_URL=artifact_url(f"{DATASET}/{folder}"),
    )
    trainer = manifests.container_of(job, "trainer")
    trainer["command"] += project_options(name, recipe, f"/data/{folder}", server)
    if server:  # its Secret has the address
        trainer["env"] = [variable for variable in trainer["env"] if variable["name"] != "MLFLOW_TRACKING_URI"]
    given = device_environment(recipe.device).items()
    trainer["env"] = [*trainer["env"], *({"name": variable, "value": value} for variable, value in given)]
    return job


def predictor(name: str, run: TrainingRun, device: str, backend: str, site_packages: str) -> list[Manifest]:
    """Return the ConfigMap, the Deployment and the Service that serve the run's model."""
    url = artifact_url(run.model_uri("onnx").removeprefix("mlflow-artifacts:").lstrip("/"))
    objects = [manifests.config_map(name, repository.configuration(device, backend, site_packages))]
    for manifest in manifests.read_component("triton"):
        if manifest["kind"] == "Deployment":
            manifests.set_variables(manifest, "backend", BACKEND=backend)
            manifests.set_variables(manifest, "model", MODEL_URL=url, MODEL_NAME=repository.MODEL)
        objects.append(manifest)
    return objects


def load(name: str, endpoint: Endpoint, plan: LoadPlan, artifact: str) -> list[Manifest]:
    """Return the target's ConfigMap and the Job that sends the load; its results become an artifact of MLflow's."""
    target = vegeta.target(endpoint.inside_url, plan)
    (job,) = manifests.read_component("load")
    attack = vegeta.attack_arguments("/target/target.json", "/results/results.bin", plan)
    sender = manifests.container_of(job, "attack")
    sender["command"] += attack
    # the tutorial's load gets what the manifest has, and a smaller one its part
    sender["resources"]["requests"]["cpu"] = f"{min(500, max(100, plan.rate))}m"
    manifests.set_variables(job, "upload", RESULTS_URL=artifact_url(artifact))
    return [manifests.config_map(name, {"target.json": target}), job]


def artifact_url(path: str) -> str:
    """Return where pods have an artifact of the run's MLflow."""
    return f"{MLFLOW}/{artifacts.PATH}/{path}"


# --- looked at before there is any of it


@dataclass(frozen=True)
class Planned:
    """An object that a run will create, its name, and the container that is to get a GPU, "" for none."""

    manifest: Manifest
    name: str
    gpu: str = ""


def planned(parts: Set[Part], predictor: Callable[[str, str], list[Planned]], own_store: bool = False) -> list[Planned]:
    """Return the objects of the parts, and of the MLflow that they need; numbers are left out of their names.

    `predictor` returns those of a predictor, by its name and the container that is to get a GPU. `own_store`: MLflow
    needs a MinIO of the run's own.
    """
    found = []
    if any(part.component in ("training", "triton", "load") for part in parts):
        found = [Planned(manifest, "mlflow") for manifest in mlflow()]
        if own_store:
            found += [Planned(manifest, storage.NAME) for manifest in manifests.read_component("minio")]
        found.append(Planned(manifests.config_map("codeset", {}), "codeset"))
    for part in sorted(parts, key=str):
        # pods that look at a GPU ask for it themselves
        gpu = {"training": "trainer", "triton": "triton"}.get(part.component, "") if part.device == "gpu" else ""
        if part.component == "triton":
            found += predictor(name_of(part), gpu)
            continue
        for manifest in manifests.read_component(part.component):
            found.append(Planned(manifest, name_of(part), gpu if manifests.pod_of(manifest) else ""))
        if part.component == "load":
            found.append(Planned(manifests.config_map(name_of(part), {}), name_of(part)))
    return found


def triton_check(backend: str) -> Manifest:
    """Return the command and variables of a container that sees whether Triton's image has the backend.

    It sees so as the predictor's own pod does at first. Its message is how new an ONNX model the image takes.
    """
    look = manifests.container_of(manifests.read_kind("triton", "Deployment"), "backend")["command"][-1]
    variables = onnx_versions.variables(backend).items()
    return {
        "command": ["sh", "-c", f"({look}) || exit\n{{ {onnx_versions.ASK}}} >/dev/termination-log 2>&1\nexit 0"],
        "env": [{"name": name, "value": value} for name, value in variables],
    }


def name_of(part: Part) -> str:
    """Return the name of a part's objects; pods that look at a GPU have their component's."""
    return f"{part.component}-{part.device}" if part.component in ("training", "triton", "load") else part.component


def at_once(parts: Set[Part]) -> list[list[str]]:
    """Return the names of what has pods at the same time: the CPU's predictor stays, the GPU's pods take turns."""
    always = ["mlflow", storage.NAME]
    stays = [*always, name_of(Part("triton"))]
    on_gpu = [name_of(part) for part in parts if part.device == "gpu" and part.component != "triton"]
    loads = [*stays, name_of(Part("triton", "gpu")), name_of(Part("load"))]
    return [[*always, name_of(Part("training"))], *([*stays, one] for one in sorted(on_gpu)), loads]
