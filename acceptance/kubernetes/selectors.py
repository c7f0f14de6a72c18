"""Selectors of labels and of nodes, as the API server reads them."""

from collections.abc import Mapping
from typing import Any

Labels = Mapping[str, str]


def matches(selector: Any, labels: Labels) -> bool:
    """Say whether a label selector takes the labels; an empty one takes all."""
    if not (selector.match_labels or {}).items() <= labels.items():
        return False
    return all(meets(wanted, labels) for wanted in selector.match_expressions or [])


def meets(requirement: Any, labels: Labels) -> bool:
    """Say whether the labels meet one requirement; only those of nodes compare numbers."""
    value, values = labels.get(requirement.key), requirement.values or []
    numbers = value is not None and value.isdigit() and values != []
    met = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
        "Gt": numbers and int(value or 0) > int(values[0]),
        "Lt": numbers and int(value or 0) < int(values[0]),
    }
    return met[requirement.operator]
