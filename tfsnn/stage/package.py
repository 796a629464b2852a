"""A package that can be called: ``tfsnn.evaluate(...)`` is what ``tfsnn evaluate`` runs, and still imports nothing early."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """Hands a call over to one function of the package, which is imported then."""

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """Call the function; arguments and result are its own."""
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **settings)


def make_callable(package: str, module: str) -> None:
    """Let a package be called as the function of its own name.

    Parameters
    ----------
    package
        Name of the package, ``"tfsnn.evaluate"``.
    module
        Name of its module that holds the function, ``"pipeline"``.
    """
    found, name = sys.modules[package], package.rpartition(".")[2]

    def late(wanted: str) -> Any:
        if wanted != name:
            raise AttributeError(f"module {package!r} has no attribute {wanted!r}; it offers {name}")
        return getattr(import_module(f"{package}.{module}"), name)

    vars(found)["__getattr__"] = late
    vars(found)["__dir__"] = lambda: sorted({*vars(found), name})
    found.__class__ = CallablePackage
