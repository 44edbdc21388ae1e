"""Finding what a setting names as `module:attribute`."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


class NotImportable(Exception):
    """There is no such attribute; the text says what was expected and what was there."""


def imported(target: str, *, folder: Path) -> object:
    """The attribute that `package.module:attribute` or `path/to/file.py:attribute` names.

    Modules in `folder` are found too. Raises `NotImportable`, and what the import raises beside
    ImportError.
    """
    where, separator, attribute = target.rpartition(":")
    if not separator or not where or not attribute:
        raise NotImportable(f"expected package.module:attribute, got {target!r}")
    make_importable(folder)
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else import_module(where)
    except ImportError as error:
        raise NotImportable(f"cannot import {where}: {error}") from error
    if not hasattr(module, attribute):
        raise NotImportable(f"{where} has no attribute {attribute}")
    found: object = getattr(module, attribute)
    return found


def make_importable(place: Path) -> None:
    """From now on the modules in this folder are found, after all others."""
    if place.is_dir() and str(place) not in sys.path:
        sys.path.append(str(place))


def _from_file(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"there is no file {path}")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
