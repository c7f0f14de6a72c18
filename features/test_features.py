"""Binds every scenario of the feature files beside it; they run in the order of the features' names."""

from pytest_bdd import scenarios

scenarios(".")
