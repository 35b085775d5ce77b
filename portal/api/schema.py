"""The shapes of bodies and parameters: JSON Schema as plain dictionaries, the check that holds callers to it, and examples made from it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

Schema = dict[str, Any]
Errors = dict[str, list[str]]

_TYPES: dict[str, tuple[type, ...]] = {"object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "boolean": (bool,), "null": (type(None),)}
_NAMES = {"object": "an object", "array": "a list", "string": "text", "integer": "a whole number", "boolean": "true or false", "null": "null"}
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of characters that UTF-8 cannot write."""


def text(most: int = 2000, *, least: int = 0, like: str = "", sample: str = "text", about: str = "") -> Schema:
    """Text of limited length."""
    return {"type": "string", **({"minLength": least} if least else {}), "maxLength": most, **({"pattern": like} if like else {}), "examples": [sample], **({"description": about} if about else {})}


def uuid(about: str = "") -> Schema:
    return {"type": "string", "format": "uuid", "examples": ["3f0e7f3a-6d0c-4d7e-9d5b-0b6a3f1c2d4e"], **({"description": about} if about else {})}


def number(least: int | None = None, most: int | None = None, *, sample: int = 1, about: str = "") -> Schema:
    return {
        "type": "integer",
        **({"minimum": least} if least is not None else {}),
        **({"maximum": most} if most is not None else {}),
        "examples": [sample],
        **({"description": about} if about else {}),
    }


def choice(*among: str | None, about: str = "") -> Schema:
    kinds = ["string", "null"] if None in among else "string"
    return {"type": kinds, "enum": list(among), "examples": [among[0]], **({"description": about} if about else {})}


def flag(about: str = "") -> Schema:
    return {"type": "boolean", "examples": [True], **({"description": about} if about else {})}


def many(of: Schema, most: int | None = None, *, least: int = 0) -> Schema:
    return {"type": "array", "items": of, **({"maxItems": most} if most is not None else {}), **({"minItems": least} if least else {})}


def thing(required: dict[str, Schema] | None = None, /, **optional: Schema) -> Schema:
    """An object with these fields and no others."""
    must = required or {}
    return {"type": "object", "properties": {**must, **optional}, "required": list(must), "additionalProperties": False}


def table(of: Schema) -> Schema:
    """An object whose keys are data, such as counts by kind."""
    return {"type": "object", "additionalProperties": of, "properties": {}, "required": []}


def nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"], **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}


STAMP: Schema = {"type": "string", "format": "date-time", "examples": ["2026-11-23T09:30:00.000000Z"]}
ANYTHING: Schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}


def check(schema: Schema, value: Any, name: str = "") -> Errors:
    """What is wrong with a value, by field; {} for nothing. Knows the words of JSON Schema that the functions above write."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, _TYPES[k]) and not (isinstance(value, bool) and k != "boolean") for k in kinds):
        return {name: [f"must be {' or '.join(_NAMES[k] for k in kinds)}"]}
    if "enum" in schema and value not in schema["enum"]:
        return {name: ["is not one of the values that are possible"]}
    if isinstance(value, dict):
        return _object(schema, value, name)
    if isinstance(value, list):
        return _array(schema, value, name)
    problem = _text(schema, value) if isinstance(value, str) else _number(schema, value) if isinstance(value, int) and not isinstance(value, bool) else ""
    return {name: [problem]} if problem else {}


def _object(schema: Schema, value: dict[str, Any], name: str) -> Errors:
    found: Errors = {}
    known, rest = schema["properties"], schema["additionalProperties"]
    for key, item in value.items():
        path = f"{name}.{key}" if name else key
        if _BAD.search(key):
            found[name] = ["a field's name has characters that cannot be kept"]
        elif key in known:
            found |= check(known[key], item, path)
        elif rest is False:
            found[path] = ["unknown field"]
        elif isinstance(rest, dict):
            found |= check(rest, item, path)
    return found | {(f"{name}.{key}" if name else key): ["is required"] for key in schema["required"] if key not in value}


def _array(schema: Schema, value: list[Any], name: str) -> Errors:
    if len(value) > schema.get("maxItems", len(value)) or len(value) < schema.get("minItems", 0):
        return {name: [f"must have {schema.get('minItems', 0)} to {schema.get('maxItems', 'any number of')} items"]}
    found: Errors = {}
    for number_, item in enumerate(value):
        found |= check(schema["items"], item, f"{name}.{number_}")
        if len(found) > 20:
            break
    return found


def _text(schema: Schema, value: str) -> str:
    if _BAD.search(value):
        return "has characters that cannot be kept"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return f"must have {schema.get('minLength', 0)} to {schema.get('maxLength')} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return "does not have the right form"
    if schema.get("format") == "uuid" and not _is_uuid(value):
        return "is not an id"
    return ""


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _number(schema: Schema, value: int) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"must be from {low} to {high}" if (low is not None and value < low) or (high is not None and value > high) else ""


def sample(schema: Schema) -> Any:
    """An example that fits: what the documentation shows, and what a test compares with real answers."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object":
        return {name: sample(of) for name, of in schema["properties"].items()}
    return [sample(schema["items"])] if kind == "array" else {"string": "text", "integer": 1, "boolean": True, "null": None}[kind]
