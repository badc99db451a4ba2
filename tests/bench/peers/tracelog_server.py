"""
Our server on a given port and store, without limits, for benchmarks.
"""

import sys

from tracelog.config import server_settings
from tracelog.server.run import serve

serve(server_settings({"port": int(sys.argv[1]), "store": sys.argv[2], "limits": False}))
