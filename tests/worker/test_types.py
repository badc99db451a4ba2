"""
JavaScript without a build step is checked as strictly as Python is.
"""

import json
import subprocess

import pytest

from tests.cli.started import ROOT
from tracelog.server.bundle import FOLDER, bare
from tracelog.server.tight import tight

NODE = ROOT / "tests" / "node"


def test_the_clients_are_type_checked(tmp_path):
    """
    Every module of `tracelog/js`, of the pages and the example proxy pass `tsc --checkJs --strict`, which does see the one mistake made here.
    """
    told = json.loads((NODE / "tsconfig.json").read_text())
    include = [str((NODE / path).resolve()) for path in told["include"]]
    (tmp_path / "wrong.js").write_text("/** @param {number} n */\nexport const next = (n) => n.length;\n")
    config = tmp_path / "tsconfig.json"
    config.write_text(json.dumps({**told, "include": [*include, "wrong.js"]}))
    command = ["node", str(NODE / "node_modules" / "typescript" / "bin" / "tsc"), "-p", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "wrong.js(2,30): error TS2339: Property 'length' does not exist on type 'number'.\n"


@pytest.mark.parametrize(
    "text", [None, "const wrong = `a ${b ? `${c} (${d})` : e}`;\n" + "f(1);\n" * 20], ids=["ours", "wrong"]
)
def test_what_is_served_has_the_tokens_of_the_modules(text, tmp_path):
    """
    Leaving out spaces changes no token of any module of ours; of a template within a template it would, and is seen.
    """
    plain, served = tmp_path / "plain.js", tmp_path / "served.js"
    whole = text or "\n".join(bare(file.read_text()) for file in sorted(FOLDER.glob("*.js")))
    plain.write_text(whole)
    served.write_text(tight(whole))
    command = ["node", str(NODE / "tokens.mjs"), str(plain), str(served)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert (said == "same") is (text is None), said
