"""Label selectors, as the API server reads them."""

from collections.abc import Mapping
from typing import Any

Labels = Mapping[str, str]


def matches(selector: Any, labels: Labels) -> bool:
    """Say whether a label selector takes the labels; an empty one takes all."""
    if not (selector.match_labels or {}).items() <= labels.items():
        return False
    for wanted in selector.match_expressions or []:
        value, values = labels.get(wanted.key), wanted.values or []
        taken = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not taken[wanted.operator]:
            return False
    return True
