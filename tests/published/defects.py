"""The tests of what ours does better, on the published saver: there each of them must fail.

One that passes is red: the defect is gone, and so is what our documents say of it. That the saver
and its server work at all is shown by `conformance`.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2] / "libs/checkpoint/tests/test_defects.py"
_FIXTURE = "saver_under_test"


def _tests() -> dict[str, object]:
    """All that the module has but its own idea of which saver it is about."""
    spec = spec_from_file_location("defects_of_the_published_saver", _TESTS)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {
        name: value
        for name, value in vars(module).items()
        if name != _FIXTURE and not name.startswith("__")
    }
    assert any(name.startswith("test_") for name in found), f"there is no test in {_TESTS}"
    return found


globals().update(_tests())
pytestmark = pytest.mark.xfail(strict=True, reason="a defect of langgraph-checkpoint-redis 0.5.2")
