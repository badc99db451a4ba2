"""
The programs under test: each writes an id to a side file before it hands it to the logging library.

Text, because they run in processes of their own: `python -c TEXT SIDE_FILE URL OPTIONS`. What they say of themselves
are lines of JSON on standard output.
"""

from typing import Final

COMMON: Final = """
import json, os, sys, time
SIDE, URL, OPTIONS = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
side = os.open(SIDE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

def say(n, who="p"):
    name = f"{who}-{n}-end"
    os.write(side, f"{name}\\n".encode())
    emit(name)

def tell(**said):
    os.write(1, f"{json.dumps(said)}\\n".encode())

def leave():
    tell(left=time.monotonic())
"""

CLIENTS: Final = {
    "tracelog": """
import tracelog
tracelog.configure(url=URL, service="faults", **OPTIONS)
emit = tracelog.get_logger("faults").info
flush = tracelog.flush
""",
    "sentry": """
import sentry_sdk, sentry_sdk.logger
sentry_sdk.init(dsn=URL.replace("http://", "http://key@") + "/1", enable_logs=True)
emit = sentry_sdk.logger.info
def flush(timeout):
    sentry_sdk.flush(timeout=timeout)
""",
    "opentelemetry": """
import logging
logging.disable(logging.CRITICAL)  # its own complaints; what is lost is counted at the other end
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
provider = LoggerProvider()
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=URL + "/v1/logs")))
logger = provider.get_logger("faults")
def emit(name):
    logger.emit(timestamp=time.time_ns() , severity_number=SeverityNumber.INFO, body=name)
def flush(timeout):
    provider.force_flush(int(timeout * 1000))
""",
}

BODIES: Final = {
    "plain": """
for n in range({n}): say(n)
leave()
""",
    "paced": """
begun = time.monotonic()
for n in range({n}):
    say(n)
    if n % 20 == 19:
        time.sleep(max(0.0, begun + (n + 1) / {rate} - time.monotonic()))
leave()
""",
    "waits": """
for n in range({n}): say(n)
leave()
time.sleep(60)
""",
    "flush": """
for n in range({n}): say(n)
begun = time.monotonic()
flush(2.0)
tell(flush=time.monotonic() - begun)
os._exit(0)
""",
    "multiprocessing": """
import multiprocessing
def work(c):
    for n in range({n}): say(n, f"c{{c}}")
if __name__ == "__main__":
    forked = multiprocessing.get_context("fork")
    children = [forked.Process(target=work, args=(c,)) for c in range(4)]
    for child in children: child.start()
    for n in range({n}): say(n)
    for child in children: child.join()
    leave()
""",
    "fork": """
children = []
for c in range(4):
    for n in range({n} // 4): say(n, f"p{{c}}")
    pid = os.fork()
    if pid == 0:
        for n in range({n}): say(n, f"c{{c}}")
        sys.exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
leave()
""",
}
"""What each does; `n` entries, in the last two of each of five processes."""


def program(client: str, body: str, **numbers: float) -> str:
    """
    Return the text of the program that does *body* with *client*.
    """
    return COMMON + CLIENTS[client] + BODIES[body].format(**numbers)
