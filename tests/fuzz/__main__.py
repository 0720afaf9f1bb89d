"""Fuzz for as long as asked: `python -m tests.fuzz [SECONDS]`, 60 by default, for each test."""

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["HOATOC_FUZZ_SECONDS"] = sys.argv[1] if len(sys.argv) > 1 else "60"
    sys.exit(pytest.main([str(Path(__file__).parent), "-q", "--hypothesis-show-statistics"]))
