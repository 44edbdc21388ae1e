"""Every test of the repository gets the fixtures and rules of `tests/support/parley_testing`."""

from __future__ import annotations

# Here and not as `-p` in pyproject.toml: options are read before `pythonpath` is.
pytest_plugins = ["parley_testing.plugin"]
