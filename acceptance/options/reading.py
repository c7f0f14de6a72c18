"""How the options' values become settings."""

import os
import re
from collections.abc import Mapping, Sequence

from acceptance.errors import BadSetting
from acceptance.load import limits
from acceptance.options.pod_rules import read_pod_rules
from acceptance.options.reader import Reader
from acceptance.options.settings_file import SettingsFile
from acceptance.options.workflow import read_workflow
from acceptance.settings import MINIO, Settings
from acceptance.storage.location import read_location
from acceptance.training import server

WITH_PODS = ("existing", "kind", "k3d")
WITH_MINIO = ("docker", *WITH_PODS)
# https://pkg.go.dev/github.com/distribution/reference
HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])"
REGISTRY = re.compile(rf"{HOST}(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
GATEWAY = re.compile(rf"https?://{HOST}(:[0-9]{{1,5}})?")
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def read_settings(
    given: Mapping[str, object],
    targets: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    file: SettingsFile | None = None,
) -> Settings:
    """Return the settings; raises BadSetting that names the option, the value and what would do."""
    return settings_of(Reader(given, environment, file), targets)


def settings_of(reader: Reader, targets: Sequence[str]) -> Settings:
    """Return what `read_settings` does; the reader then knows which options gave way to others."""
    target = reader.one_of("target", "embedded", targets)
    profile = reader.one_of("profile", "quick" if target == "embedded" else "tutorial")
    if reader.text("data")[0] == "digits":
        reader.resolve_conflict("data", "cifar10", "contradict each other")
    reader.resolve_conflict("agents", "cluster", "it is there already")
    if target not in WITH_PODS:
        reader.resolve_conflict("mlflow", "store", "your server keeps the artifacts where it does")
    agents = Settings.agents
    if reader.only_for("agents", target, "k3d"):
        agents = reader.integer("agents", agents)
    data = reader.one_of("data", "auto")
    store = read_store(reader, target)
    predictor = read_predictor(reader, target, store)
    settings = Settings(
        target=target,
        profile=profile,
        data=data,
        rate=reader.integer("rate", limits.TUTORIAL_RATE),
        duration=reader.integer("duration", limits.usual_seconds(profile, data == "digits")),
        pairs=reader.integer("pairs", limits.LEAST_PAIRS),
        expect_index=reader.integer("expect_index", 4),
        require_gpu=reader.flag("require_gpu"),
        keep=reader.flag("keep"),
        cifar10=reader.path("cifar10"),
        request=reader.path("request"),
        report=reader.path("report", must_exist=False),
        compare=reader.path("compare"),
        images=reader.path("images"),
        registry=read_registry(reader, target),
        predictor=predictor,
        runtime=read_runtime(reader, predictor),
        gateway=read_gateway(reader, predictor),
        namespace=read_namespace(reader, target),  # before the level: one of the two may give way
        pod_security=read_level(reader, target),
        store=store,
        mlflow=read_mlflow(reader),
        mlflow_experiment=read_experiment(reader),
        kube_context=reader.only_for("kube_context", target, "existing"),
        cluster=reader.only_for("cluster", target, "kind", "k3d"),
        agents=agents,
        pods=read_pod_rules(reader, target, WITH_PODS),
        **read_workflow(reader, target, WITH_PODS),
    )
    check_load(settings, " ".join(reader.source(key, getattr(settings, key)) for key in ("rate", "duration")))
    return settings


def read_store(reader: Reader, target: str) -> str:
    store, source = reader.text("store")
    if store != MINIO:
        return str(read_location(store, source)) if store else ""
    if target not in WITH_MINIO:
        if reader.gives_way("store", "target"):
            return ""
        raise BadSetting(
            f"{source}: a run starts MinIO in a pod or a container, and the target is {target}; choose --target "
            f"{' or '.join(WITH_MINIO)}, or name a store of yours, --store s3://BUCKET/PREFIX"
        )
    return store


def read_mlflow(reader: Reader) -> str:
    text, source = reader.text("mlflow")
    if not text:
        return ""
    uri = server.read_uri(text, source)
    server.read_variables(reader.environment)
    return uri


def read_experiment(reader: Reader) -> str:
    name, source = reader.text("mlflow_experiment")
    if not name:
        return Settings.mlflow_experiment
    if not reader.text("mlflow")[0]:
        if reader.gives_way("mlflow_experiment", "mlflow"):
            return Settings.mlflow_experiment
        raise BadSetting(f"{source}: only --mlflow uses it; leave it out, or name a tracking server")
    if name != name.strip() or not name.isprintable():
        raise BadSetting(f"{source}: has white space at an end, or a control character in it; name another")
    return name


def read_predictor(reader: Reader, target: str, store: str) -> str:
    predictor = reader.one_of("predictor", "deployment")
    if predictor == "deployment" or not reader.only_for("predictor", target, *WITH_PODS):
        return "deployment"
    _, source = reader.text("predictor")
    if predictor == "seldon" and (not store or store == MINIO):
        minio = "; the run's own MinIO has a certificate that it takes from nobody" if store else ""
        raise BadSetting(
            f"{source}: Seldon copies the model from an object store{minio}; name yours, --store s3://BUCKET/PREFIX"
        )
    if not store:
        raise BadSetting(
            f"{source}: KServe copies the model from an object store; name yours, --store s3://BUCKET/PREFIX, or "
            "have one started, --store minio"
        )
    return predictor


def read_gateway(reader: Reader, predictor: str) -> str:
    text, source = reader.text("gateway")
    if not text:
        return ""
    if predictor != "seldon":
        if reader.gives_way("gateway", "predictor"):
            return ""
        raise BadSetting(f"{source}: only --predictor seldon uses it; leave one out")
    url = text.rstrip("/")
    if not GATEWAY.fullmatch(url):
        raise BadSetting(
            f"{source}: must be http://HOST or https://HOST, with :PORT where it is another, and without a path: the "
            "suite adds /seldon/NAMESPACE/NAME"
        )
    return url


def read_runtime(reader: Reader, predictor: str) -> str:
    name, source = reader.text("runtime")
    if name and predictor != "kserve":
        if reader.gives_way("runtime", "predictor"):
            return ""
        raise BadSetting(f"{source}: only --predictor kserve uses it; leave one out")
    return name


def read_level(reader: Reader, target: str) -> str:
    reader.only_for("pod_security", target, *WITH_PODS)
    return reader.one_of("pod_security", "restricted")


def read_namespace(reader: Reader, target: str) -> str:
    reader.only_for("namespace", target, "existing")
    reader.resolve_conflict("pod_security", "namespace", "the namespace's level is its owner's")
    name, source = reader.text("namespace")
    if name and not NAMESPACE.fullmatch(name):
        raise BadSetting(f"{source}: must be a namespace's name: small letters, digits and dashes, at most 63")
    if name.startswith("kube-"):
        raise BadSetting(f"{source}: it is Kubernetes' own; name another")
    return name


def read_registry(reader: Reader, target: str) -> str:
    registry, (_, source) = reader.only_for("registry", target, *WITH_MINIO).rstrip("/"), reader.text("registry")
    if registry and not REGISTRY.fullmatch(registry):
        raise BadSetting(f"{source}: must be HOST or HOST/PATH, such as registry.example.com/mirror, without https://")
    return registry


def check_load(settings: Settings, given: str) -> None:
    load = f"{given}: {settings.requests:,} requests"
    if settings.requests < limits.REQUESTS_FOR_P99:
        raise BadSetting(
            f"{load} are too few for a 99th percentile, which takes {limits.REQUESTS_FOR_P99}; raise either"
        )
    if settings.requests > limits.MOST_REQUESTS:
        raise BadSetting(f"{load} are more than the {limits.MOST_REQUESTS:,} that one run may send; lower either")
