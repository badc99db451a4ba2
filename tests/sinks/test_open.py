"""
Sinks by name and by URL: what opens, what is refused, and what stays unloaded.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sinks.parcels import parcel
from tracelog import sinks
from tracelog.errors import ConfigError
from tracelog.sinks import open_sink
from tracelog.sinks.file import FileSink
from tracelog.sinks.http import HttpSink
from tracelog.sinks.logflare import LogflareSink
from tracelog.sinks.memory import MemorySink
from tracelog.sinks.otlp import OtlpSink
from tracelog.sinks.redis import RedisSink
from tracelog.sinks.stdout import StdoutSink
from tracelog.sinks.tee import TeeSink

OPENED = [
    ("http://127.0.0.1:8787", HttpSink),
    ("https://logs.example.com/prefix", HttpSink),
    ("HTTP://127.0.0.1", HttpSink),
    ("redis://127.0.0.1:6379/0", RedisSink),
    ("rediss://127.0.0.1:6379/0", RedisSink),
    ("stdout:", StdoutSink),
    ("stdout:json", StdoutSink),
    ("stdout:pretty", StdoutSink),
    ("stdout:logfmt", StdoutSink),
    ("stderr:", StdoutSink),
    ("stderr:json", StdoutSink),
    ("stderr://", StdoutSink),
    ("file:logs.ndjson", FileSink),
    ("logflare://KEY@?source=5d2a", LogflareSink),
    ("logflare+http://KEY@127.0.0.1:4000?source_name=shop&columns=order,cart", LogflareSink),
    ("otlp+http://127.0.0.1:4318", OtlpSink),
    ("otlp+https://TOKEN@otel.example.com/v1/logs?encoding=protobuf&header.x-team=shop", OtlpSink),
    ("memory:", MemorySink),
]


@pytest.mark.parametrize(("url", "kind"), OPENED)
def test_urls_open_sinks(url, kind):
    """
    The scheme of a URL decides which sink it opens, without connecting to anything.
    """
    sink = open_sink(url, key="k")

    assert type(sink) is kind
    sink.close()


@pytest.mark.parametrize("form", ["json", "logfmt", "pretty"])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_stream_urls_say_where_and_how(name, form, capsys):
    """
    The scheme names the stream, the rest the form of the lines.
    """
    open_sink(f"{name}:{form}", color=False)(parcel("hello"))
    captured = capsys.readouterr()
    out, other = (captured.out, captured.err) if name == "stdout" else (captured.err, captured.out)

    assert other == ""
    assert {"{": "json", "t": "logfmt"}.get(out[0], "pretty") == form


def test_colour_is_handed_on(capsys):
    """
    A wish for colour reaches the sink.
    """
    open_sink("stdout:pretty", color=True)(parcel("hello"))

    assert "\x1b[" in capsys.readouterr().out


def test_callables_pass_through():
    """
    A sink of the user's own is used as it is.
    """
    own = MemorySink()

    assert open_sink(own) is own


WRONG = [
    "",
    "stdout",
    "ftp://127.0.0.1",
    "logs.example.com:443",
    "redis+cluster://h:1",
    "://",
    None,
    8787,
    b"stdout:",
]


@pytest.mark.parametrize("spec", WRONG)
def test_unknown_sinks_are_refused(spec):
    """
    What opens no sink is one sentence that names the setting and lists what does.
    """
    with pytest.raises(
        ConfigError,
        match=r"^sinks: .* http:, https:, redis:, rediss:, stdout:, stderr:, file:, logflare:, "
        r"logflare\+http:, otlp\+http:, otlp\+https:, memory:$",
    ):
        open_sink(spec)


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://user:5up3rs3cr3t@host",
        "stdout:xml",
        "redis://:5up3rs3cr3t@host:port/x",
        "logflare://5up3rs3cr3t@host",
        "logflare://5up3rs3cr3t@host?source=a&size=1",
        "logflare+http://5up3rs3cr3t@host:port?source=a",
        "otlp+http://5up3rs3cr3t@host?encoding=xml",
        "otlp+http://host?header.x%20y=5up3rs3cr3t",
        "otlp+http://host?header.x-key=5up3rs3cr3t%0d%0a",
        "otlp+http://",
    ],
)
def test_wrong_urls_show_no_password(url):
    """
    A URL that cannot be used is refused without showing what may be secret in it.
    """
    with pytest.raises(ConfigError) as caught:
        open_sink(url)

    assert "5up3rs3cr3t" not in repr(caught.value)


def test_classes_by_name():
    """
    Every promised class is an attribute of the package; any other name is missing as usual.
    """
    promised = {
        "FileSink": FileSink,
        "HttpSink": HttpSink,
        "LogflareSink": LogflareSink,
        "MemorySink": MemorySink,
        "OtlpSink": OtlpSink,
        "RedisSink": RedisSink,
        "StdoutSink": StdoutSink,
        "TeeSink": TeeSink,
    }

    assert {name: getattr(sinks, name) for name in promised} == promised
    assert set(promised) <= set(sinks.__all__)
    with pytest.raises(AttributeError, match="'Sinkhole'"):
        _ = sinks.Sinkhole


def test_loading_is_lazy():
    """
    The package loads neither redis nor an HTTP client before one of their sinks is asked for.
    """
    program = "import sys, tracelog.sinks; print([name for name in ('redis', 'http.client') if name in sys.modules])"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
