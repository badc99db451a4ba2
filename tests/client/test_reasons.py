"""
The table of reasons against the code and the documents: no entry ends for a reason that is not explained.
"""

import ast
import re
from pathlib import Path

import tracelog
from tracelog.client.gate import DROPS
from tracelog.core import ledger, verdict
from tracelog.core.ledger import REASONED
from tracelog.core.reasons import MEANINGS
from tracelog.server import mutes

PACKAGE = Path(tracelog.__file__).parent
PAGE = PACKAGE.parent / "docs" / "life-of-an-entry.md"
REFUSALS = {"InvalidEntryError", "SinkRefusedError", "ParcelTooLargeError"}
"""Errors whose reason becomes that of rejected entries."""

GIVING_UP = {"spoil", "give_up", "_lose", "_lose_parked"}
"""Methods that drop what is left for the reason they are given."""

NAMED = {"WITHHELD": ledger.WITHHELD, "CRASHED": ledger.CRASHED, "MUTED": mutes.MUTED}


def texts(node):
    """
    Return the texts that the expression *node* can be; `<name>` for what is put into one.
    """
    match node:
        case ast.Constant(value=str()):
            return {node.value}
        case ast.Name(id=("WITHHELD" | "CRASHED" | "MUTED") as name):
            return {NAMED[name]}
        case ast.JoinedStr():
            return {
                "".join("<status>" if isinstance(v, ast.FormattedValue) else v.value for v in node.values)
            }
        case ast.IfExp():
            return texts(node.body) | texts(node.orelse)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            return texts(default)
        case _:
            return set()


def in_call(node):
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    match name, node.args:
        case "count", [ast.Constant(value=outcome), reason, *_] if outcome in REASONED:
            yield outcome, texts(reason)
        case "count", [ast.Dict(keys=keys)]:
            yield "dropped", set().union(*map(texts, keys))
        case "count", [ast.Constant() as reason] if ast.unparse(node.func).endswith("drops.count"):
            yield "dropped", texts(reason)
        case "Drop", [_, ast.Constant(value=outcome), reason, *_] if outcome in REASONED:
            yield outcome, texts(reason)
        case _ if name in GIVING_UP and node.args:
            yield "dropped", texts(node.args[0])
    if name in REFUSALS:
        yield from (("rejected", texts(word.value)) for word in node.keywords if word.arg == "reason")


def default_of(refusal):
    values = [line.value for line in refusal.body if isinstance(line, ast.Assign)]
    return set().union(*map(texts, values))


def answers_of(step):
    values = [line.value for line in ast.walk(step) if isinstance(line, ast.Return)]
    return set().union(*map(texts, values))


def in_node(node):
    """
    Yield outcomes and reasons that *node* of a syntax tree names.
    """
    match node:
        case ast.Call():
            yield from in_call(node)
        case ast.Tuple(elts=[ast.Constant(value=outcome), reason, _]) if outcome in REASONED:
            yield outcome, texts(reason) - set(REASONED)
        case ast.Subscript(value=ast.Name(id=outcome), slice=reason, ctx=ast.Store()) if outcome in REASONED:
            yield outcome, texts(reason)
        case ast.ClassDef(name=name) if name in REFUSALS:
            yield "rejected", default_of(node)
        case ast.AnnAssign(target=ast.Name(id="REFUSALS"), value=ast.Dict(values=values)):
            for value in values:
                if isinstance(value, ast.Tuple):
                    yield value.elts[0].value, texts(value.elts[1])
        case ast.AnnAssign(target=ast.Name(id="_REASONS"), value=ast.Dict(values=values)):
            yield "rejected", set().union(*map(texts, values))
        case ast.FunctionDef(returns=ast.BinOp()) if ast.unparse(node.returns) == "bytes | str":
            yield "dropped", answers_of(node)


def refuses(value):
    return isinstance(value, verdict.Verdict) and not value.kept


def in_the_code():
    found = {"dropped": set(DROPS), "suppressed": {v.word for v in vars(verdict).values() if refuses(v)}}
    for path in PACKAGE.rglob("*.py"):
        if "cli" not in path.relative_to(PACKAGE).parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for outcome, reasons in in_node(node):
                    found.setdefault(outcome, set()).update(reasons - {"", "unknown"})
    return {outcome: reasons for outcome, reasons in found.items() if reasons}


def test_every_reason_of_the_code_is_in_the_table():
    """
    The table has the reasons that the code names, by outcome: none is missing, and none is left over.
    """
    assert in_the_code() == {outcome: set(reasons) for outcome, reasons in MEANINGS.items()}


def test_the_documents_show_the_table():
    """
    The page on the life of an entry names each outcome, reason and meaning as the table does, in its order.
    """
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    expected = [(outcome, *row) for outcome, reasons in MEANINGS.items() for row in reasons.items()]
    assert rows == expected
