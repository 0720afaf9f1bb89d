"""What a stack starts, and what it tells its programs."""

from pathlib import Path

import pytest

from hoatoc import config
from hoatoc.config import Kafka, Metrics, Postgres, Settings
from hoatoc.embedded.stack import PartsInvalid, environment, stack


def test_programs_read_the_settings_of_their_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(
        data=Path("/srv/hoatoc"),
        kafka=Kafka(bootstrap_servers="broker:9092", partitions=4),
        postgres=Postgres(dsn="postgresql://hoatoc@/hoatoc?host=/srv/socket"),
        metrics=Metrics(port=0),
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert config.load() == settings


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (["printer"], "unknown part printer"),
        (["broker", "ledger"], "programs need database"),
    ],
)
async def test_parts_that_cannot_run_are_refused(
    tmp_path: Path, parts: list[str], reason: str
) -> None:
    with pytest.raises(PartsInvalid, match=reason):
        async with stack(Settings(data=tmp_path), parts=parts):
            pass
    assert list(tmp_path.iterdir()) == []
