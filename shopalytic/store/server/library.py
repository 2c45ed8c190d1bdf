"""Loads chDB, the ClickHouse engine as a library, without what its Python package does around it."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

from shopalytic.errors import ConfigurationError

_RTLD_DEEPBIND = 8
_MISSING = (
    "The embedded event store needs chDB: pip install 'shopalytic[embedded]', "
    "or set SHOPALYTIC_CLICKHOUSE_URL to use a ClickHouse server."
)


def load_chdb() -> Any:
    """chDB's extension module. Twice gives the same one. Raises ConfigurationError where it is not installed.

    `import chdb` would open and close an engine in memory first; an engine that is opened again in the same
    process is what this store must never do, and it costs half a second.
    """
    if "chdb._chdb" in sys.modules:
        return sys.modules["chdb._chdb"]
    spec = importlib.util.find_spec("chdb")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(_MISSING)
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    library = next((path for folder in folders for path in folder.glob("_chdb*.so")), None)
    if library is None:
        raise ConfigurationError(_MISSING)
    package = types.ModuleType("chdb")
    package.__path__ = [str(folder) for folder in folders]
    sys.modules["chdb"] = package
    working_folder = Path.cwd()
    # The library looks for its companion beside it, by way of the working folder.
    os.chdir(library.parent)
    try:
        if sys.platform == "linux":
            ctypes.CDLL(str(library), mode=sys.getdlopenflags() | _RTLD_DEEPBIND)
        return importlib.import_module("chdb._chdb")
    finally:
        os.chdir(working_folder)
