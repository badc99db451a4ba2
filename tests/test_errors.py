"""
The tree of exceptions that is drawn is the one there is.
"""

import importlib
import pkgutil

import tracelog
from tracelog import errors
from tracelog.errors import TracelogError


def tree(kind):
    """
    Yield each class below *kind* with the class it derives from.
    """
    for child in kind.__subclasses__():
        if child.__module__.startswith("tracelog."):
            yield child.__name__, kind.__name__
            yield from tree(child)


def drawn():
    """
    Yield the same from the docstring: a branch belongs to the nearest one above that stands further left.
    """
    above = []
    for line in errors.__doc__.splitlines():
        name, _, _ = line.lstrip(" ├└│─").partition(" ")
        if not name.endswith("Error"):
            continue
        depth = line.index(name)
        above = [(left, parent) for left, parent in above if left < depth]
        if above:
            yield name, above[-1][1]
        above.append((depth, name))


def test_every_exception_stands_in_the_drawn_tree():
    """
    Each exception of the package is drawn under the one it derives from, and no other is drawn.
    """
    for package in ("stores", "sinks"):
        for module in pkgutil.iter_modules([f"{tracelog.__path__[0]}/{package}"]):
            importlib.import_module(f"tracelog.{package}.{module.name}")
    assert sorted(drawn()) == sorted(tree(TracelogError))
