"""
A method of a library's class replaced by ours, once, and put back.

Only public methods are replaced, and each does what it did before, around or within.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, Final

Method = Callable[..., Any]
Make = Callable[[Method], Method]
Undo = Callable[[], None]

MARK: Final = "__tracelog__"
"""On what replaces a method: how a second replacement knows. Whoever wraps it since has a copy of this, too,
by `functools.wraps`: it says whether ours is still at work."""


def replace(owner: type, name: str, make: Make) -> Undo:
    """
    Replace the method *name* of *owner* by what *make* makes of it, unless that has happened already.

    Returns:
        A function that undoes it, also where somebody else has wrapped our method since.
    """
    before = owner.__dict__[name]
    if is_replaced(before):
        return nothing
    switch = [make(before)]
    active = [True]

    @functools.wraps(before)
    def method(*args: Any, **kwargs: Any) -> Any:
        return switch[-1](*args, **kwargs)

    setattr(method, MARK, active)
    setattr(owner, name, method)

    def undo() -> None:
        active.clear()
        switch.append(before)
        if owner.__dict__[name] is method:
            setattr(owner, name, before)

    return undo


def is_replaced(method: Any) -> bool:
    """
    Whether *method* is ours, or wraps ours, and that was not undone.
    """
    return bool(getattr(method, MARK, ()))


def replace_all(places: Iterable[tuple[type, str, Make]]) -> Undo:
    """
    Replace several methods, and return the function that undoes all.
    """
    undoes = [replace(owner, name, make) for owner, name, make in places]

    def undo() -> None:
        for one in undoes:
            one()

    return undo


def nothing() -> None:
    """
    What undoing is where nothing was done.
    """
