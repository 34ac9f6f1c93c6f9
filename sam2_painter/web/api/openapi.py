"""The table as an OpenAPI document, and as a page people can read and try."""

from __future__ import annotations

import html
import inspect
import json
import re
from functools import cache
from importlib.resources import files
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter

from ... import __version__
from ...sessions.downloads import Download
from ...types import CombineMode
from .endpoints import ENDPOINTS, Endpoint
from .fields import ImageFormat, MaskFormat

REF = "#/components/schemas/{model}"
ERRORS = {
    "400": "Bad input: which field, and what is allowed",
    "401": "Not signed in",
    "404": "Unknown session, mask or file",
    "409": "What was meant is gone: somebody else changed the session meanwhile",
    "413": "Too large",
    "415": "Not a picture we read",
    "422": "Fields missing or of the wrong type",
    "429": "Too many requests in a minute; Retry-After says when to come back",
    "503": "Busy, or the engine cannot be reached; Retry-After says when to come back",
    "504": "Took longer than its time limit; nothing was changed",
}


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1 of every endpoint."""
    schemas: dict[str, Any] = {
        "Error": {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
    }
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(f"/api{endpoint.path}", {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SAM2 Painter",
            "version": __version__,
            "description": "Open a photo of a building, find its walls, paint them, download the picture. "
            "Coordinates are pixels of the photo as opened, upright. Every session_id is a secret of whoever uploaded.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{}, {"basic": []}, {"bearer": []}],
    }


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    asked = endpoint.request.model_json_schema(ref_template=REF)
    schemas.update(asked.pop("$defs", {}))
    for name, schema in asked.get("properties", {}).items():
        _name_choices(schema, schemas)
        if name in endpoint.attachments:
            schema.update(_BINARY)
            schema.pop("contentEncoding", None)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {"200": _reply(endpoint, schemas), **_errors()},
    }
    in_path = set(re.findall(r"{(\w+)}", endpoint.path))
    if endpoint.method == "POST":
        model = f"{asked['title']}Request"
        schemas[model] = {**asked, "title": model}
        kind = "multipart/form-data" if endpoint.attachments else "application/json"
        operation["requestBody"] = {
            "required": bool(endpoint.required),
            "content": {kind: {"schema": {"$ref": REF.format(model=model)}}},
        }
    else:
        operation["parameters"] = [
            {
                "name": name,
                "in": "path" if name in in_path else "query",
                "required": name in endpoint.required,
                "description": endpoint.descriptions[name],
                "schema": {"type": "string"},
            }
            for name in endpoint.fields
        ]
    return operation


_BINARY = {"type": "string", "format": "binary"}
_CHOICES = {
    get_args(choice): name
    for name, choice in {
        "MaskFormat": get_args(MaskFormat)[0],
        "ImageFormat": get_args(ImageFormat)[0],
        "CombineMode": CombineMode,
    }.items()
}


def _name_choices(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """One model for a set of choices that many endpoints have, instead of one for each of them."""
    name = _CHOICES.get(tuple(schema.get("enum", ())))
    if name:
        schemas[name] = {"type": "string", "enum": schema.pop("enum"), "title": name}
        schema.pop("type", None)
        schema.pop("title", None)
        schema["allOf"] = [{"$ref": REF.format(model=name)}]


def _reply(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    returned = endpoint.hints["return"]
    if returned is Download:
        return {"description": "The file.", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    schema = TypeAdapter(returned).json_schema(ref_template=REF)
    schemas.update(schema.pop("$defs", {}))
    schemas[returned.__name__] = schema
    description = " ".join((inspect.getdoc(returned) or "").split())
    reference = {"$ref": REF.format(model=returned.__name__)}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}
    return {status: {"description": what, "content": content} for status, what in ERRORS.items()}


# -- the page --------------------------------------------------------------------------------------------------------

_EXAMPLES: dict[str, Any] = {
    "color": "#b5c7a3",
    "point": [100, 100],
    "mask_ids": [0, 1],
    "colored_masks": [{"mask_id": 0, "color": "#b5c7a3"}],
}


@cache
def page() -> str:
    """The endpoints with their fields, each with a form to try it; no script but its own, nothing fetched."""
    template = (files(__package__) / "docs.html").read_text(encoding="utf-8")
    return template.replace("{{version}}", html.escape(__version__)).replace(
        "{{endpoints}}", "\n".join(_section(endpoint) for endpoint in ENDPOINTS)
    )


def _section(endpoint: Endpoint) -> str:
    rows = "".join(
        f"<tr><td><code>{name}</code></td><td>{html.escape(type_text(endpoint, name))}</td>"
        f"<td>{html.escape(_default_text(endpoint, name))}</td><td>{html.escape(endpoint.descriptions[name])}</td></tr>"
        for name in endpoint.fields
    )
    table = f"<table><tr><th>Field<th>Type<th>Default<th>Meaning</tr>{rows}</table>" if rows else ""
    asked = [name for name in endpoint.fields if name in endpoint.required - endpoint.attachments]
    example = {name: _EXAMPLES.get(name, "…") for name in asked}
    attributes = f'data-method="{endpoint.method}" data-path="{html.escape(endpoint.path)}"'
    inputs = "".join(f'<label>{name} <input type="file" name="{name}"></label>' for name in endpoint.attachments)
    if example:
        inputs += (
            f"<textarea spellcheck=false>{html.escape(json.dumps(example, indent=1, ensure_ascii=False))}</textarea>"
        )
    return (
        f'<details id="{endpoint.name}"><summary><b>{endpoint.method}</b> <code>/api{html.escape(endpoint.path)}</code>'
        f"<span>{html.escape(endpoint.summary)}</span></summary>{table}"
        f"<form {attributes}>{inputs}<button>Send</button><output></output></form></details>"
    )


def type_text(endpoint: Endpoint, name: str) -> str:
    """The type of a field as people write it: "list[Point] or null"."""
    if name in endpoint.attachments:
        return "file or base64 text"
    return _type_text(endpoint.hints[name])


def _type_text(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(json.dumps(choice) for choice in parts)
    if origin is list:
        return f"list[{_type_text(parts[0])}]"
    if origin in (Union, UnionType):
        return " or ".join(_type_text(part) for part in parts)
    return "null" if hint is NoneType else hint.__name__ if isinstance(hint, type) else str(hint)


def _default_text(endpoint: Endpoint, name: str) -> str:
    default = endpoint.fields[name].default
    if default is inspect.Parameter.empty:
        return "required"
    return "" if default is None else f"{default:.4g}" if isinstance(default, float) else str(default)
