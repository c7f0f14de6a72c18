"""Recipes, the MLflow project that trains them, and the tracked run. May import `data` and `gpu`."""
