"""
An exception that an error names as its cause, said by a hop that the clocks put behind it.

Who wraps an exception repeats what it was: type and text. Where the one who threw it has no known caller and
no call measures its clock, it may seem to come later; nobody can name what was not thrown yet.
"""

from collections.abc import Iterable
from itertools import islice

from tracelog.correlation.evidence import CONFIDENCE, exceptions
from tracelog.correlation.faults import Fault, root_of
from tracelog.correlation.relations import Found, in_one_tree, link
from tracelog.correlation.strays import FITS


def link_named(faults: Iterable[Fault]) -> None:
    """
    Link each error that names an exception to the later one of another clock and tree that threw it.

    Args:
        faults: In the order of their times, with what explains each as far as that is known.
    """
    naming: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        thrown = next(exceptions(fault.line.entry), None)
        effect = naming.get(thrown) if thrown is not None else None
        if effect is not None and _is_elsewhere(effect, fault):
            _link(effect, fault)
        for cause in islice(exceptions(fault.line.entry), 1, None):
            naming.setdefault(cause, fault)


def _is_elsewhere(effect: Fault, fault: Fault) -> bool:
    return effect.line.clock != fault.line.clock and not in_one_tree(effect, fault)


def _link(effect: Fault, fault: Fault) -> None:
    """
    Note *fault* as what *effect* names. What explained that by its place alone is a step in between: the call
    that was answered.
    """
    if fault.cause is effect:  # who threw it seemed to repeat it
        fault.cause = fault.link = None
    first = root_of(effect)
    if first is root_of(fault) or (first is not effect and first.is_told_anew):
        return
    if first is effect:
        link(effect, Found(fault, "exception", CONFIDENCE["exception"]))
    else:
        link(first, Found(fault, "unknown_hop", FITS))
