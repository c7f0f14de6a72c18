"""The objects that the Kubernetes stack creates, rendered for one training, predictor or load."""

from pathlib import Path

from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.load import vegeta
from acceptance.load.result import LoadPlan
from acceptance.serving import repository
from acceptance.serving.endpoint import Endpoint
from acceptance.training import artifacts
from acceptance.training.project import device_environment, project_options
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun

# what a predictor is made of
PREDICTOR = ("Deployment", "Service", "ConfigMap")
# where the run's MLflow has the data set's files
DATASET = "dataset"
MLFLOW = "http://mlflow:5000"


def codeset(folder: Path) -> Manifest:
    """Return the ConfigMap of the MLflow Project."""
    return manifests.config_map(
        "codeset", {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if is_code(file)}
    )


def is_code(file: Path) -> bool:
    """Say whether a file of the codeset is part of the MLflow Project, and no editor's or system's."""
    return file.is_file() and (file.suffix in (".py", ".yaml") or file.name == "MLproject")


def training_job(name: str, recipe: Recipe, folder: str) -> Manifest:
    """Return the Job that trains the recipe; `folder` is the name of the data set's folder."""
    (job,) = manifests.read_component("training")
    trainer = manifests.container_of(job, "trainer")
    trainer["command"] += project_options(name, recipe, f"/data/{DATASET}/{folder}")
    given = device_environment(recipe.device).items()
    trainer["env"] = [*trainer["env"], *({"name": variable, "value": value} for variable, value in given)]
    return job


def predictor(name: str, run: TrainingRun, device: str, backend: str, site_packages: str) -> list[Manifest]:
    """Return the ConfigMap, the Deployment and the Service that serve the run's model."""
    objects = [manifests.config_map(name, repository.configuration(device, backend, site_packages))]
    for manifest in manifests.read_component("triton"):
        if manifest["kind"] == "Deployment":
            manifests.set_variables(manifest, "backend", BACKEND=backend)
            manifests.set_variables(manifest, "model", MODEL_URI=run.model_uri("onnx"), MODEL_NAME=repository.MODEL)
        objects.append(manifest)
    return objects


def load(name: str, endpoint: Endpoint, plan: LoadPlan, artifact: str) -> list[Manifest]:
    """Return the target's ConfigMap and the Job that sends the load; its results become an artifact of MLflow's."""
    target = vegeta.target(endpoint.inside_url, plan.body)
    (job,) = manifests.read_component("load")
    attack = vegeta.attack_arguments("/target/target.json", "/results/results.bin", plan)
    manifests.container_of(job, "attack")["command"] += attack
    manifests.set_variables(job, "upload", RESULTS_URL=f"{MLFLOW}/{artifacts.PATH}/{artifact}")
    return [manifests.config_map(name, {"target.json": target}), job]
