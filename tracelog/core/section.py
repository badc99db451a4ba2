"""
Our section of a pyproject.toml, from its bytes; what cannot be read is one sentence with the line.
"""

from collections.abc import Mapping
from typing import Any

from tracelog.errors import ConfigError


def read_section(data: bytes, where: str) -> Mapping[str, Any]:
    """
    Return `[tool.tracelog]` of *data*, or nothing where it has none.

    A file that does not name tracelog is not even read: whether it is right is somebody else's business.

    Args:
        data: The file.
        where: Its name.

    Raises:
        ConfigError: When it is no TOML, naming *where* and the line.
    """
    if b"tracelog" not in data:
        return {}
    import tomllib  # noqa: PLC0415 - costs milliseconds that only a program with such a section has to pay

    try:
        tool = tomllib.loads(data.decode().replace("\r\n", "\n")).get("tool", {})
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{where} cannot be read: it is no UTF-8 text (at line {line})") from None
    except RecursionError:
        raise ConfigError(f"{where} cannot be read: it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} cannot be read: {error}") from None
    section = tool.get("tracelog", {}) if isinstance(tool, dict) else {}
    return section if isinstance(section, dict) else {}
