"""Which Java is new enough, by what it prints."""

from pathlib import Path

import pytest

from hoatoc.embedded.java import JavaMissing, find_java, major_version


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('openjdk version "21-ea" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "11.0.2"', 11),
        ("command not found", None),
    ],
)
def test_the_major_version_is_read_from_what_java_prints(shown: str, expected: int | None) -> None:
    assert major_version(shown) == expected


def test_a_path_without_java_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(JavaMissing, match="HOATOC_EMBEDDED_JAVA"):
        find_java(str(tmp_path))
