"""The scenarios about KServe, on a made-up stack that has it: each fails for its own reason."""

import json

import pytest

from tests.running import run_made_up

KSERVE = ("--target=existing", "--predictor=kserve", "--store=s3://made/up", "--data=digits")
ROLLOUT = "a_new_version_of_the_model_takes_over_under_load_replicas[{}]"
STOP = "the_predictor_is_stopped_and_resumed"
DELETED = "deleting_the_predictor_leaves_nothing"
ON_GPU = "a_new_version_of_the_model_takes_over_on_the_gpu"
GRPC = "grpc_gives_the_same_logits"
READY = "the_inferenceservice_becomes_ready"
WEB_APP = "the_web_app_shows_the_inferenceservice_as_ready"


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({}, "passed", ""),
        ({"service_waits": "PredictorReady: no pod"}, "failed", "does not call InferenceService triton-cpu ready"),
        ({"service_source": "s3://elsewhere/up/models"}, "failed", "from s3://elsewhere/up/models"),
        # another prefix that begins alike
        ({"service_source": "s3://made/upper/models"}, "failed", "from s3://made/upper/models"),
    ],
)
def test_an_inference_service_is_ready_and_has_its_model_from_the_runs_store(tmp_path, says, outcome, words):
    result = run_made_up(tmp_path / "report", says, *KSERVE, "-k", READY)
    scenario = result.scenarios()[READY]
    assert scenario.outcome == outcome, result.output
    assert words in scenario.message


GATEWAY = {"name": "Gateway kserve/ingress", "url": "http://203.0.113.7:80", "host": "triton-cpu-run.models.org"}


@pytest.mark.parametrize(
    ("way", "by"),
    [
        ("KServe makes no routes", "port-forward: KServe makes no routes"),
        (GATEWAY, "Gateway kserve/ingress at http://203.0.113.7:80, Host triton-cpu-run.models.org"),
    ],
)
def test_it_is_said_how_predictions_reach_the_predictor(tmp_path, way, by):
    result = run_made_up(tmp_path / "report", {"way": way}, *KSERVE, "-k", READY)
    assert result.scenarios()[READY].figures["predictions go by"] == by, result.output


@pytest.mark.parametrize(
    ("source", "outcome"), [("s3://models/run/models/triton-cpu", "passed"), ("s3://made/up/models", "failed")]
)
def test_a_store_of_the_runs_own_is_where_its_model_must_be_from(tmp_path, source, outcome):
    options = [one for one in KSERVE if not one.startswith("--store")]
    result = run_made_up(tmp_path / "report", {"service_source": source}, *options, "--store=minio", "-k", READY)
    assert result.scenarios()[READY].outcome == outcome, result.output


def test_without_kserve_its_scenarios_say_which_option_asks_for_it(tmp_path):
    result = run_made_up(tmp_path / "report", {}, "--data=digits", "-k", READY)
    assert result.scenarios()[READY].outcome == "skipped"
    assert "--predictor kserve" in result.output


def test_where_seldon_makes_the_predictors_nobody_is_asked_for_what_only_kserve_does(tmp_path):
    options = [one.replace("kserve", "seldon") for one in KSERVE]
    result = run_made_up(tmp_path / "report", {}, *options, "-k", READY)
    scenario = result.scenarios()[READY]
    assert scenario.outcome == "skipped", result.output
    assert "Seldon makes the predictors" in scenario.message


def listing(name="triton-cpu", ready="True", **more):
    """Return what the app answers where it has one InferenceService."""
    service = {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready, **more}]}}
    about = {"namespace": "made-up", "status": 200, "success": True, "user": None}
    return {"web_app_answers": [200, "application/json", json.dumps({"inferenceServices": [service], **about})]}


def refusing(status, words):
    """Return what the app answers where it takes no such user."""
    about = {"log": words, "status": status, "success": False, "user": None}
    return {"web_app_answers": [status, "application/json", json.dumps(about)]}


LOGIN = {"web_app_answers": [200, "text/html", "<html><title>Sign in</title></html>"]}


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        (listing(), "passed", ""),
        (listing(ready="False", reason="NoReplica", message="it waits"), "failed", "ready: Ready: NoReplica it waits"),
        (listing(name="another"), "failed", "not among the 1 that the app lists of namespace made-up"),
        ({"web_app_answers": [500, "application/json", "{}"]}, "failed", "no list of InferenceServices: HTTP 500"),
        ({"no_web_app": "the cluster has no models web app"}, "skipped", "the cluster has no models web app"),
        (refusing(401, "No user detected."), "skipped", "No user detected."),
        (refusing(403, "User 'ci' is not authorized to list"), "skipped", "not authorized to list"),
        (LOGIN, "skipped", "Sign in"),
    ],
)
def test_the_web_app_shows_it_as_ready_or_says_why_it_can_not_be_asked(tmp_path, says, outcome, words):
    result = run_made_up(tmp_path / "report", says, *KSERVE, "-k", WEB_APP)
    scenario = result.scenarios()[WEB_APP]
    assert scenario.outcome == outcome, result.output
    assert words in scenario.message
    if "web_app_answers" in says and outcome == "skipped":
        assert "refuses user ci" in scenario.message
        assert "docs/kserve.md#the-models-web-app" in scenario.message
    if outcome == "passed":
        assert scenario.figures["web app"] == "the models web app kubeflow/kserve-models-web-app"
        assert scenario.figures["to open it"].endswith("localhost:8090/details/made-up/triton-cpu")


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({}, "passed", ""),
        ({"cannot_stop": "KServe 0.15.2 can't stop an InferenceService"}, "skipped", "0.15.2 can't stop"),
        ({"left": ["Pod triton-cpu-predictor-x"]}, "failed", "Pod triton-cpu-predictor-x: still there after 30 s"),
        ({"resumed_shift": 1.0}, "failed", "after differs from before by up to 1.0"),
    ],
)
def test_a_predictor_that_is_stopped_serves_nothing_and_resumed_answers_as_before(tmp_path, says, outcome, words):
    result = run_made_up(tmp_path / "report", says, *KSERVE, "-k", STOP)
    scenario = result.scenarios()[STOP]
    assert scenario.outcome == outcome, result.output
    assert words in scenario.message


@pytest.mark.parametrize(
    ("left", "outcome"), [([], "passed"), (["Service triton-cpu-predictor", "s3://made/up/models/x"], "failed")]
)
def test_a_predictor_that_is_deleted_leaves_nothing(tmp_path, left, outcome):
    result = run_made_up(tmp_path / "report", {"left": left}, *KSERVE, "-k", DELETED)
    scenario = result.scenarios()[DELETED]
    assert scenario.outcome == outcome, result.output
    assert ", ".join(left) in scenario.message


def test_a_predictor_without_grpc_is_not_asked_by_it(tmp_path):
    result = run_made_up(tmp_path / "report", {"grpc": False}, "--data=digits", "-k", GRPC)
    scenario = result.scenarios()[GRPC]
    assert (scenario.outcome, "has no gRPC port" in scenario.message) == ("skipped", True)


NEITHER = "answers are neither version's"
STAYS = "do not go from the one version to the other"


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({}, "passed", ""),
        # both versions answer for a while
        ({"rollout_shifts": [0, 1, 0, 1]}, "passed", ""),
        ({"rollout_failures": 1}, "failed", "1 x HTTP 503"),
        ({"rollout_shifts": [0, 0, 0, 0]}, "failed", STAYS),
        ({"rollout_shifts": [0, 1, 1, 0]}, "failed", STAYS),
        ({"rollout_shifts": [1, 1, 1, 1]}, "failed", STAYS),
        ({"rollout_shifts": []}, "failed", STAYS),
        ({"rollout_shifts": [0, 0.5, 1, 1]}, "failed", NEITHER),
    ],
)
def test_a_rollout_loses_no_request_and_goes_from_one_version_to_the_other(tmp_path, says, outcome, words):
    result = run_made_up(tmp_path / "report", says, *KSERVE, "-k", "new_version and one")
    scenario = result.scenarios()[ROLLOUT.format("one replica")]
    assert scenario.outcome == outcome, result.output
    assert words in scenario.message


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({}, "passed", ""),
        # what is lost is reported, and not judged
        ({"rollout_failures": 2000}, "passed", ""),
        ({"rollout_shifts": [0, 0, 0, 0]}, "failed", STAYS),
    ],
)
def test_on_the_gpu_the_gap_of_a_rollout_is_reported_and_the_new_version_must_take_over(tmp_path, says, outcome, words):
    result = run_made_up(tmp_path / "report", says, *KSERVE, "-k", ON_GPU)
    scenario = result.scenarios()[ON_GPU]
    assert scenario.outcome == outcome, result.output
    assert words in scenario.message
    gap = (says.get("rollout_failures", 0) + 1) / 100
    assert scenario.figures["gap"] == f"{gap:.1f} s without an answer"


def test_without_a_gpu_the_rollout_on_it_says_why_it_is_skipped(tmp_path):
    result = run_made_up(tmp_path / "report", {"reason": "no GPU is there"}, *KSERVE, "-k", ON_GPU)
    assert result.scenarios()[ON_GPU].outcome == "skipped"
    assert "no GPU is there" in result.output


def test_what_a_rollout_starts_is_looked_at_before_it(tmp_path):
    result = run_made_up(tmp_path / "report", {}, *KSERVE, "-k", "new_version and one")
    parts = (result.report / "logs" / "parts.log").read_text().split("\n")
    assert parts == ["load cpu", "training cpu", "triton cpu"]


def test_a_second_rollout_goes_on_from_the_first_and_what_is_not_judged_is_reported(tmp_path):
    result = run_made_up(tmp_path / "report", {"kept_alive_lost": 3}, *KSERVE, "-k", "new_version")
    for replicas in ("one replica", "two replicas"):
        scenario = result.scenarios()[ROLLOUT.format(replicas)]
        assert scenario.outcome == "passed", result.output
        assert scenario.figures["lost with kept-alive connections"] == "3 of 600: 3 x HTTP 503"
        assert scenario.figures["rollout strategy"] == f"made up, {replicas}"
