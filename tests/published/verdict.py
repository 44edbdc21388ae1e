"""Whether the defects of the published saver still are ones; to be run after `defects`."""

from __future__ import annotations


def test_each_defect_shows(shown: dict[str, bool]) -> None:
    """One that does not is gone, and so is what our documents say of it."""
    assert shown
    assert [name for name, failed in shown.items() if not failed] == []
