"""Steps about predictors that run."""

from pytest_bdd import given


@given("the CPU predictor serves the trained model", target_fixture="endpoint")
def cpu_predictor(cpu_endpoint):
    return cpu_endpoint


@given("the CPU predictor and the GPU predictor serve the same model", target_fixture="endpoints")
def both_predictors(cpu_endpoint, gpu_endpoint):
    served = {endpoint.device: endpoint.run.run_id for endpoint in (cpu_endpoint, gpu_endpoint)}
    assert len(set(served.values())) == 1, f"the predictors serve different runs: {served}"
    return cpu_endpoint, gpu_endpoint
