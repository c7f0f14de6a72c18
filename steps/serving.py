"""Steps about predictors that run."""

from pytest_bdd import given, then, when

from acceptance.serving import inference, triton_gpu
from acceptance.waiting import Ready, wait_until

# Triton reads its GPUs every 2 s
METRICS_SECONDS = 8


@given("the CPU predictor serves the trained model", target_fixture="endpoint")
def cpu_predictor(cpu_endpoint):
    return cpu_endpoint


@given("the GPU predictor serves the trained model", target_fixture="endpoint")
def the_gpu_predictor(gpu_predictor):
    return gpu_predictor()


@given("the CPU predictor and the GPU predictor serve the same model", target_fixture="endpoints")
def both_predictors(cpu_endpoint, gpu_predictor):
    endpoints = (cpu_endpoint, gpu_predictor())
    served = {endpoint.device: endpoint.run.run_id for endpoint in endpoints}
    assert len(set(served.values())) == 1, f"the predictors serve different runs: {served}"
    return endpoints


@when("Triton's log and metrics are read", target_fixture="log")
def read_log(stack, endpoint):
    return stack.server_log(endpoint)


@then("the log says that it collects the GPU's metrics")
def log_collects_metrics(log, figures):
    figures("GPUs in the log", ", ".join(triton_gpu.collected(log)))
    wrong = triton_gpu.not_collected(log)
    assert not wrong, wrong


@then("the metrics show the GPU and its memory")
def metrics_show_gpu(endpoint, log, figures):
    def state():
        text = inference.read_metrics(endpoint.metrics)
        return triton_gpu.missing_metrics(text, log) or Ready(triton_gpu.gpu_metrics(text))

    for uuid, values in wait_until("Triton's metrics to show the GPU", state, METRICS_SECONDS).items():
        figures(uuid, ", ".join(f"{name} {value:g}" for name, value in sorted(values.items())))


@then("the model's instance group is on the GPU")
def group_is_on_gpu(endpoint):
    wrong = triton_gpu.wrong_group(inference.model_config(endpoint.http, endpoint.model))
    assert not wrong, wrong


@then("the log says that its instance is on the GPU")
def instance_is_on_gpu(endpoint, log):
    wrong = triton_gpu.wrong_instance(log, endpoint.model)
    assert not wrong, wrong


@then("ONNX Runtime reports the GPU as its execution provider")
def provider_is_cuda(stack, endpoint, figures):
    config, log = inference.model_config(endpoint.http, endpoint.model), stack.server_log(endpoint)
    figures("backend", config.get("backend"))
    figures("provider", ", ".join(triton_gpu.providers(log, endpoint.model)))
    wrong = triton_gpu.wrong_provider(config, log)
    assert not wrong, wrong
