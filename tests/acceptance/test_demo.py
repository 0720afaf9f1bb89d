import os
import subprocess
import sys


def test_the_demonstration_pages_exactly_the_right_ones() -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOATOC_") or "CACHE" in k}
    told = subprocess.run(
        [sys.executable, "-m", "hoatoc", "demo"],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    said = told.stdout + told.stderr
    assert told.returncode == 0, said
    assert "142 copies as they must be, 9 pages and no other, books balanced" in said
    assert "kill -9 tracker" in said
    assert "kill -9 ledger" in said
