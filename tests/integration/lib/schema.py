"""JSON against the schemas of an OpenAPI document, strictly: a member that isn't documented is a fault too."""
import re

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
TYPES = {"object": lambda v: isinstance(v, dict), "array": lambda v: isinstance(v, list),
         "string": lambda v: isinstance(v, str), "boolean": lambda v: isinstance(v, bool),
         "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool), "null": lambda v: v is None}
KNOWN = {"$ref", "oneOf", "type", "enum", "format", "properties", "required", "additionalProperties", "items",
         "description"}


def resolved(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def faults(document, schema, value, at="$"):
    """Sentences on what is wrong; none if the value is what the schema says."""
    schema = resolved(document, schema)
    unknown = set(schema) - KNOWN
    if unknown:
        return [f"{at}: the schema has {sorted(unknown)}, which nobody checks"]
    if "oneOf" in schema:
        tried = [faults(document, one, value, at) for one in schema["oneOf"]]
        return [] if any(not found for found in tried) else min(tried, key=len)
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if types and not any(TYPES[t](value) for t in types):
        return [f"{at}: {value!r:.80} isn't of type {types}"]
    if value is None:
        return []
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r:.80} is none of {schema['enum']}"]
    if schema.get("format") == "date-time" and not INSTANT.fullmatch(value):
        return [f"{at}: {value!r:.80} isn't an instant"]
    if isinstance(value, dict):
        return object_faults(document, schema, value, at)
    if isinstance(value, list) and "items" in schema:
        return [f for i, item in enumerate(value) for f in faults(document, schema["items"], item, f"{at}[{i}]")]
    return []


def object_faults(document, schema, value, at):
    found = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    more = schema.get("additionalProperties")
    for name, member in value.items():
        if name in schema.get("properties", {}):
            found += faults(document, schema["properties"][name], member, f"{at}.{name}")
        elif isinstance(more, dict):
            found += faults(document, more, member, f"{at}.{name}")
        elif not more and schema.get("type"):
            found.append(f"{at}: {name} isn't documented")
    return found
