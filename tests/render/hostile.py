"""
Texts of strangers that obey no face: what terminals execute, what readers cannot see, what breaks Markdown and HTML.
"""

from tests.correlation.build import START, closing, hop, log
from tracelog.core.entry import Entry

TEXTS = {
    "colours": "\x1b[31mred\x1b[0m",
    "link": "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "title": "\x1b]0;owned\x1b\\",
    "cursor": "a\x1b[2J\x1b[1;1Hb",
    "overwrite": "password ok\rpassword no",
    "backspace": "abc\x08\x08\x08xyz",
    "eight bit": "\x9b31m red \x9d0;t\x9c",
    "lines": "one\ntwo\r\nthree\x0bfour\x0cfive\x85six\u2028seven\u2029eight",
    "bidi": "user\u202eresu\u2066x\u2069",
    "zero width": "pay\u200bpal\u200d\ufeff\u00ad",
    "tags": "hello\U000e0041\U000e0042",
    "null": "a\x00b",
    "half": "x\ud800y",
    "fence": "```\n# owned\n````text",
    "ticks": "`````` ` `` ```",
    "tildes": "~~~",
    "table": "a | b | c",
    "image": "![x](http://evil.example/?q=1)",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '"\' onmouseover=alert(1) x="',
    "textarea": "</style></title></textarea></script>",
    "format": "%s %n {0} {x.__class__} $(id) `id`",
    "braces": "{title}{rows}",
    "wide": "漢字" * 40 + "🎉",
    "pile": "a" + "\u0301" * 300,
    "long": "x" * 5_000,
    "blank": " \t ",
    "empty": "",
}

HIDDEN = "".join(
    map(
        chr,
        [
            *range(32),
            *range(0x7F, 0xA0),
            0x2028,
            0x2029,
            0x202E,
            0x2066,
            0x200B,
            0x200D,
            0xFEFF,
            0xAD,
            0xE0041,
            0xD800,
        ],
    )
)
"""Characters that no face may let through, besides its own line ends and colours."""


def everywhere(text: str) -> list[Entry]:
    """
    Return a trace with *text* in every place that a face shows.
    """
    return [
        closing("top", 1, 0, 900, message=text, system="browser", service=text or None, source="tab", seq=0),
        closing("sub", 2, 10, 800, parent=1, message=text, system=text, source="edge", seq=0),
        closing("lost parent", 3, 20, 5, parent=8, message=text, system=text, source="cron", seq=0),
        *(log(f"{text}{n}", 30 + n, text, text, source="edge", seq=n + 1, span_id=hop(2)) for n in range(60)),
        log(
            "loss", 100, text, text, kind="suppressed", count=3, why=text or None, last_timestamp=START + 200
        ),
        log(
            "root",
            700,
            text,
            text,
            "error",
            span_id=hop(2),
            error={"type": text, "message": text + "!", "cause": {"type": text, "message": text + "?"}},
        ),
        log("end", 850, text, "browser", "error", span_id=hop(1)),
    ]
