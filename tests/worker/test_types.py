"""
JavaScript without a build step is checked as strictly as Python is.
"""

import json
import subprocess

from tests.cli.started import ROOT

NODE = ROOT / "tests" / "node"


def checked(config):
    command = ["node", str(NODE / "node_modules" / "typescript" / "bin" / "tsc"), "-p", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_clients_are_type_checked(tmp_path):
    """
    Every module of `tracelog/js` and the example proxy pass `tsc --checkJs --strict`, and the check does see a mistake.
    """
    assert checked(NODE / "tsconfig.json") == ""
    options = json.loads((NODE / "tsconfig.json").read_text())["compilerOptions"]
    (tmp_path / "wrong.js").write_text("/** @param {number} n */\nexport const next = (n) => n.length;\n")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["wrong.js"]}))
    assert "wrong.js" in checked(tmp_path / "tsconfig.json")
