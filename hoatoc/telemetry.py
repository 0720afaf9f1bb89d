"""Logs, metrics and trace context: what a program says about itself.

A log line is a constant event name and keywords; identifiers, never objects. Document content and
secrets cannot pass the redactor.
"""

import logging
import sys
from collections.abc import MutableMapping
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from hoatoc.config import Log, Metrics

PORTS = {
    "relay": 9401,
    "intake": 9402,
    "ledger": 9403,
    "tracker": 9404,
    "alerts": 9405,
    "pager": 9406,
    "gateway": 9407,
    "spool": 9408,
}
_FORBIDDEN = {
    "content",
    "packet",
    "value",
    "payload",
    "password",
    "secret",
    "authorization",
    "dsn",
    "subject",
    "text",
    "found",
}

RECORDS = Counter("hoatoc_records_total", "Records handled", ["program", "topic"])
LAG = Gauge("hoatoc_lag_records", "Records not yet read", ["program", "topic", "partition"])
DEAD_LETTERS = Counter("hoatoc_dead_letters_total", "Records parked", ["program", "reason"])
CLOCK_SKEW = Gauge("hoatoc_clock_skew_seconds", "Our clock less the other's", ["program", "peer"])
BATCH_SECONDS = Histogram("hoatoc_batch_seconds", "Time of one batch", ["program"])


def _redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep document content and secrets out of every line."""
    for key, value in line.items():
        if key in _FORBIDDEN:
            line[key] = "[redacted]"
        elif isinstance(value, bytes):
            line[key] = f"[{len(value)} bytes]"
    return line


def _plain(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write identifiers as text."""
    return {k: str(v) if isinstance(v, UUID) else v for k, v in line.items()}


def configure(program: str, settings: Log) -> structlog.stdlib.BoundLogger:
    """Set up logging for a program, libraries' included, and return its logger."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
        _plain,
    ]
    render: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(program).setLevel(level)
    structlog.contextvars.bind_contextvars(program=program)
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(program)
    return logger


def serve_metrics(program: str, settings: Metrics) -> int | None:
    """Serve Prometheus metrics and return the port; None when switched off."""
    port = PORTS[program] if settings.port == -1 else settings.port
    if port == 0:
        return None
    start_http_server(port, addr=settings.host)
    return port


def show_lag(program: str, topic: str, partition: int, end: int | None, done: int) -> None:
    """Show how many records of a partition are not done; nothing is known before a fetch."""
    if end is not None:
        _lag_of(program, topic, partition).set(max(end - done, 0))


@cache
def _lag_of(program: str, topic: str, partition: int) -> Gauge:
    return LAG.labels(program, topic, partition)


def traceparent(dispatch_id: UUID, event_id: UUID) -> str:
    """Return the W3C trace context: the trace is the dispatch, the span is the event."""
    return f"00-{dispatch_id.hex}-{event_id.hex[:16]}-01"
