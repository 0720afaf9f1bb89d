import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def said() -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOATOC_") or "CACHE" in k}
    told = subprocess.run(
        [sys.executable, "-m", "hoatoc", "demo"],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    text = told.stdout + told.stderr
    assert 0 == told.returncode, text
    return " ".join(text.split())


def test_the_demonstration_pages_exactly_the_right_ones(said: str) -> None:
    assert "143 copies as they must be, 13 pages and no other, books balanced" in said
    assert "kill -9 tracker" in said
    assert "kill -9 ledger" in said


def test_the_demonstration_ends_with_traffic_through_the_other_doors(said: str) -> None:
    assert "đã đến nơi · taken" in said
    assert "NOT TAKEN" not in said


def test_the_demonstration_declares_how_fast_its_calendar_runs(said: str) -> None:
    assert "1 hour of calendar time = 1 s, from 08:00 of the day of signing" in said


def test_the_demonstration_shows_what_is_refused_at_the_door(said: str) -> None:
    assert "unnumbered.edxml: từ chối · refused" in said
    assert "unfit.edxml: không nhận · refused (CheckFailed)" in said
    assert "stamped.edxml: không nhận · refused (SecretSuspected)" in said
    assert "other-content.edxml: không nhận · refused (DocumentConflict)" in said


def test_the_demonstration_searches_the_disk_for_what_was_refused(said: str) -> None:
    assert "…»: không ở đâu · nowhere tìm trong mọi bảng" in said


def test_the_demonstration_counts_the_answers_to_a_recall(said: str) -> None:
    counted = said.partition("đã thu hồi · recalled at ")[2]
    assert counted.startswith("2/4; từ chối · declined 1; chưa trả lời · no answer 1;")
    assert "had already read it 1" in counted


def test_the_demonstration_explains_a_deadline_by_article_and_calendar(said: str) -> None:
    assert "NĐ 30/2020/NĐ-CP, Điều 21.2.c" in said
    assert "H41: QUÁ HẠN · BROKEN" in said
    assert "17/02/2021 17:00" in said
