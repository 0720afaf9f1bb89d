from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Any, Protocol

from aiokafka.admin.config_resource import ConfigResource
from aiokafka.structs import TopicPartition

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, Sequence[int]] | None = None,
        topic_configs: Mapping[str, str] | None = None,
    ) -> None: ...

class RecordsToDelete:
    def __init__(self, before_offset: int) -> None: ...

class _TopicsCreated(Protocol):
    topic_errors: list[tuple[str, int, *tuple[str | None, ...]]]

class _ConfigsDescribed(Protocol):
    # (error code, error message, type, name, entries); an entry begins with name and value
    resources: list[tuple[int, str | None, int, str, list[tuple[str, str, *tuple[Any, ...]]]]]

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str | list[str] = ...,
        client_id: str = ...,
        request_timeout_ms: int = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def list_topics(self) -> list[str]: ...
    async def describe_topics(
        self, topics: Sequence[str] | None = None
    ) -> list[dict[str, Any]]: ...
    async def create_topics(
        self,
        new_topics: Sequence[NewTopic],
        timeout_ms: int | None = None,
        validate_only: bool = False,
    ) -> _TopicsCreated: ...
    async def delete_topics(
        self, topics: Sequence[str], timeout_ms: int | None = None
    ) -> object: ...
    async def delete_records(
        self,
        records_to_delete: Mapping[TopicPartition, RecordsToDelete],
        timeout_ms: int | None = None,
    ) -> dict[TopicPartition, int]: ...
    async def describe_configs(
        self, config_resources: Sequence[ConfigResource], include_synonyms: bool = False
    ) -> list[_ConfigsDescribed]: ...
    async def alter_configs(self, config_resources: Sequence[ConfigResource]) -> list[object]: ...
