"""What OpenAPI says of problems, once for all routes."""

from http import HTTPStatus
from typing import Any

from producers.gateway.form import DocumentIn
from producers.gateway.problem import MEDIA_TYPE
from producers.gateway.shape import Problem

_RETRY = {
    "Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem documents by which a route may answer."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return said | ({"headers": _RETRY} if status in (429, 503) else {})


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document with the schema of problems, and who may speak."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    told_in = DocumentIn.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= told_in.pop("$defs") | {"DocumentIn": told_in}
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hoatoc_<id>_<secret>",
            "description": "A key of an organ: `hoatoc key issue`.",
        }
    }
    document["security"] = [{"key": []}]
    return document
