"""Settings: read once, refused by name."""

from pathlib import Path

import pytest

from hoatoc import config
from hoatoc.config import PREFIX, SettingsInvalid, load, options


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _, _ in options():
        monkeypatch.delenv(name, raising=False)


def test_without_any_setting_the_defaults_hold() -> None:
    settings = load()
    assert (16, 2000, "") == (
        settings.kafka.partitions,
        settings.ledger.batch,
        settings.postgres.dsn,
    )


def test_a_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOATOC_LEDGER_BATCH", "7")
    monkeypatch.setenv("HOATOC_KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2")
    monkeypatch.setenv("HOATOC_DATA", "/srv/hoatoc")
    settings = load()
    assert 7 == settings.ledger.batch
    assert "a:1,b:2" == settings.kafka.bootstrap_servers
    assert Path("/srv/hoatoc") == settings.data


@pytest.mark.parametrize(
    "name",
    ["HOATOC_LEDGER_BATCHES", "HOATOC_KAFKA", "HOATOC_POSTGRES__DSN", "HOATOC_X", "hoatoc_x"],
)
def test_an_unknown_name_refuses_to_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsInvalid, match=f"unknown setting {name.upper()}"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOATOC_LEDGER_BATCH", "0"),
        ("HOATOC_LEDGER_BATCH", "many"),
        ("HOATOC_KAFKA_PARTITIONS", "-1"),
        ("HOATOC_KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("HOATOC_RELAY_LEASE_S", "0"),
        ("HOATOC_LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_option(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=f"{name}: "):
        load()


def test_every_option_is_documented_and_has_the_prefix() -> None:
    assert [] == [n for n, said, _ in options() if not said or not n.startswith(PREFIX)]


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load().ledger, "batch", 3)  # noqa: B010 - as no type checker lets it


def test_secrets_are_not_shown() -> None:
    settings = config.Settings(
        kafka=config.Kafka(sasl_password="geheim-1"),
        postgres=config.Postgres(dsn="postgresql://u:geheim-2@h/d"),
    )
    assert "geheim" not in repr(settings)
