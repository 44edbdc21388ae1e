"""Where things are in the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "parley"
