"""Binds every scenario of the feature files beside it; the chain's own order first, then any other file."""

from pytest_bdd import scenarios

scenarios("gpu_pod.feature", "training.feature", "prediction.feature", "latency.feature", ".")
