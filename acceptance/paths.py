"""Where the parts of a checkout lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODESET = ROOT / "codeset"
FEATURES = ROOT / "features"
IMAGES = ROOT / "images"
MANIFESTS = ROOT / "manifests"
PROJECT = ROOT / "pyproject.toml"
