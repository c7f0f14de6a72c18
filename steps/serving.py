"""Steps about predictors that run."""

from pytest_bdd import given


@given("the CPU predictor serves the trained model", target_fixture="endpoint")
def cpu_predictor(cpu_endpoint):
    return cpu_endpoint


@given("the CPU predictor and the GPU predictor serve the same model", target_fixture="endpoints")
def both_predictors(cpu_endpoint, gpu_endpoint):
    assert cpu_endpoint.run == gpu_endpoint.run, (
        f"{cpu_endpoint} serves {cpu_endpoint.run}, the GPU's {gpu_endpoint.run}"
    )
    return cpu_endpoint, gpu_endpoint
