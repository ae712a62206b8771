"""A service's own description in Swagger 2.0, from which clients generate code."""

from typing import Any

from server.api.definitions import Parameter
from server.api.store import Service

SCHEMAS: dict[str, dict[str, Any]] = {
    "logical": {"type": "boolean"},
    "numeric": {"type": "number", "format": "double"},
    "integer": {"type": "integer", "format": "int32"},
    "character": {"type": "string"},
    "vector": {"type": "array", "items": {}},
    "matrix": {"type": "array", "items": {"type": "array", "items": {}}},
    "data.frame": {"type": "object", "additionalProperties": {"type": "array", "items": {}}},
}
"""By the type that a parameter declares; a data frame is an object of its columns."""


def swagger(service: Service) -> dict[str, Any]:
    """Return the description of how *service* is consumed."""
    return {
        "swagger": "2.0",
        "info": {
            "title": service.name,
            "description": service.description,
            "version": service.version,
        },
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {
            "Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}
        },
        "security": [{"Bearer": []}],
        "paths": {f"/api/{service.name}/{service.version}": {"post": _consume(service)}},
        "definitions": {
            "InputParameters": _object(service.inputs),
            "OutputParameters": _object(service.outputs),
            "WebServiceResult": {
                "type": "object",
                "properties": {
                    "success": {"type": "boolean"},
                    "errorMessage": {"type": "string"},
                    "consoleOutput": {"type": "string"},
                    "changedFiles": {"type": "array", "items": {"type": "string"}},
                    "outputParameters": {"$ref": "#/definitions/OutputParameters"},
                },
            },
        },
    }


def _consume(service: Service) -> dict[str, Any]:
    return {
        "operationId": service.operation_id,
        "description": service.description,
        "parameters": [
            {
                "name": "WebServiceParameters",
                "in": "body",
                "required": True,
                "schema": {"$ref": "#/definitions/InputParameters"},
            }
        ],
        "responses": {
            "200": {"description": "OK", "schema": {"$ref": "#/definitions/WebServiceResult"}}
        },
    }


def _object(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [parameter.name for parameter in parameters],
        "properties": {parameter.name: SCHEMAS[parameter.type] for parameter in parameters},
    }
