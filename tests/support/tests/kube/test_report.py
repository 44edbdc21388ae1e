from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from parley_testing.kube.report import Report, Value


def test_each_figure_is_on_disk_at_once_beside_its_limit(tmp_path: Path) -> None:
    report = Report(tmp_path / "report.md", "# A run")

    report.add("install", "first answer, s", 11.6734, limit="<= 90 s")

    written = report.path.read_text().splitlines()
    assert written[0] == "# A run"
    assert written[-1] == "| install | first answer, s | 11.673 | <= 90 s |"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (inf, "never"), (0, "0"), (2.0, "2"), ("green", "green")]
)
def test_values_are_shown_as_people_read_them(value: Value, shown: str, tmp_path: Path) -> None:
    report = Report(tmp_path / "report.md", "# A run")

    report.add("scenario", "figure", value)

    assert report.rows[-1][2] == shown
