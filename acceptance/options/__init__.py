"""The suite's options: a table of them, where a value comes from, and how the values become settings."""

from acceptance.options.reading import read_settings
from acceptance.options.table import OPTIONS

__all__ = ["OPTIONS", "read_settings"]
