"""
Something to be done as soon as a library is loaded: a program pays for those only that it uses.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from tracelog.client.complaint import Complaint

Act = Callable[[], None]


class _Arriving(Loader):
    """
    Loads a module as its own loader does, and then says so. Never makes an import fail.
    """

    def __init__(self, loader: Any, acts: list[Act]) -> None:
        self._loader = loader
        self._acts = acts

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        for act in self._acts:
            run(act)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Arrivals(MetaPathFinder):
    """
    Finds nothing itself; what the others find of the awaited modules it makes tell when it is loaded.
    """

    def __init__(self) -> None:
        self.awaited: dict[str, list[Act]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        acts = self.awaited.pop(fullname, None)
        if acts is None:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Arriving(spec.loader, acts)
                return spec
        self.awaited.setdefault(fullname, []).extend(acts)  # not installed; it may be later
        return None


_arrivals = _Arrivals()


def upon(module: str, act: Act) -> Act:
    """
    Do *act* now if *module* is loaded, else when it will be.

    Returns:
        A function that stops waiting for it.
    """
    if module in sys.modules:
        run(act)
    else:
        if _arrivals not in sys.meta_path:
            sys.meta_path.insert(0, _arrivals)
        _arrivals.awaited.setdefault(module, []).append(act)

    def forget() -> None:
        acts = _arrivals.awaited.get(module, [])
        if act in acts:
            acts.remove(act)
        if not acts:
            _arrivals.awaited.pop(module, None)

    return forget


def run(act: Act) -> None:
    """
    Do *act*; what it raises is one line on standard error: no program stops because its logging cannot help.
    """
    try:
        act()
    except Exception as error:  # a library of a version that we do not know, half installed, or broken
        Complaint().about(error)
