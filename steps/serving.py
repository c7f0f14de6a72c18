"""Steps about predictors that run.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import given, then, when

from acceptance.serving import gpu_evidence, inference
from acceptance.serving.endpoint import different_models
from acceptance.serving.onnx_versions import model_versions
from acceptance.serving.served_model import not_what_was_trained


@given("the CPU predictor serves the trained model", target_fixture="endpoint")
def cpu_predictor(cpu_endpoint):
    return cpu_endpoint


@given("the GPU predictor serves the trained model", target_fixture="endpoint")
def the_gpu_predictor(gpu_endpoint):
    return gpu_endpoint()


@given("the CPU predictor and the GPU predictor serve the same model")
def both_predictors(cpu_endpoint, gpu_endpoint):
    assert not (problem := different_models((cpu_endpoint, gpu_endpoint()))), problem


@when("the model's file is read where the server loaded it", target_fixture="served_model")
def read_served_model(stack, endpoint, figures):
    figures("ONNX", f"the model {model_versions(endpoint.run)}; the server's newest {stack.onnx_limits()}")
    served = stack.served_model(endpoint)
    figures("file", served.place)
    figures("SHA-256", served.sha256)
    return served


@then("it is the file that the trainer logged")
def is_what_was_trained(served_model, endpoint):
    assert not (problem := not_what_was_trained(served_model, endpoint.run)), problem


@then("so is the object store's, where there is one")
def stored_is_what_was_trained(stack, endpoint, figures):
    stored = stack.stored_model(endpoint)
    figures("in the object store", stored.place if stored else "there is none")
    assert not (stored and (problem := not_what_was_trained(stored, endpoint.run))), problem


@when("Triton's log is read", target_fixture="log")
def read_log(stack, endpoint):
    return stack.server_log(endpoint)


@then("the log says that it collects the GPU's metrics")
def log_collects_metrics(log, figures):
    figures("GPUs in the log", ", ".join(gpu_evidence.collected(log)))
    assert not (problem := gpu_evidence.not_collected(log)), problem


@then("the metrics show the GPU and its memory")
def metrics_show_gpu(endpoint, log, figures):
    for uuid, values in gpu_evidence.wait_for_metrics(endpoint.metrics, log).items():
        figures(uuid, ", ".join(f"{name} {value:g}" for name, value in sorted(values.items())))


@then("the model's instance group is on the GPU")
def group_is_on_gpu(endpoint):
    config = inference.model_config(endpoint.http, endpoint.model)
    assert not (problem := gpu_evidence.group_not_on_gpu(config)), problem


@then("the log says that its instance is on the GPU")
def instance_is_on_gpu(endpoint, log):
    assert not (problem := gpu_evidence.instance_not_on_gpu(log, endpoint.model)), problem


@then("ONNX Runtime reports the GPU as its execution provider")
def provider_is_cuda(stack, endpoint, figures):
    config, log = inference.model_config(endpoint.http, endpoint.model), stack.server_log(endpoint)
    figures("backend", config.get("backend"))
    figures("provider", ", ".join(gpu_evidence.providers(log, endpoint.model)))
    assert not (problem := gpu_evidence.provider_not_cuda(config, log)), problem
