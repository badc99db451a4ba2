"""
JavaScript without a build step is checked as strictly as Python is.
"""

import json
import subprocess

from tests.cli.started import ROOT

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
