"""Changes to good values and texts that every reader must refuse."""

import copy

from reference import canonical


def objects(value, path=()):
    """The path of every object in a value, the value itself first."""
    if isinstance(value, dict):
        yield path
        for key in sorted(value):
            yield from objects(value[key], path + (key,))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from objects(item, path + (index,))


def changed(value, path, new):
    value = copy.deepcopy(value)
    at = value
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return value


def dotted(path):
    return ".".join(str(step) for step in path) or "the top level"


def with_unknown_fields(value):
    for path in objects(value):
        yield f"unknown field at {dotted(path)}", canonical(changed(value, path + ("unknown",), 0))


def with_second_encodings(text, value):
    """Other texts that a lenient parser reads as the same value."""
    first, *rest = (canonical(key) + ":" + canonical(value[key]) for key in sorted(value))
    yield "duplicate key", "{" + ",".join([first, first, *rest]) + "}"
    yield "reordered keys", "{" + ",".join([*rest, first]) + "}"
    yield "space after a colon", text.replace(":", ": ", 1)
    yield "line feed at the end", text + "\n"
    yield "byte order mark", "\ufeff" + text
    yield "integer as 1.0", text.replace('"v":1', '"v":1.0')
    yield "integer as 1e0", text.replace('"v":1', '"v":1e0')
    yield "letter of a key as an escape", text.replace(first, f'"\\u{ord(first[1]):04x}{first[2:]}')
    yield "cut off", text[:-1]
    yield "something after the end", text + "{}"
    yield "empty", ""
    yield "an array around it", "[" + text + "]"
    yield "__proto__ key", '{"__proto__":{},' + text[1:]
    yield "deep nesting in an unknown field", text[:-1] + ',"z":' + "[" * 2000 + "]" * 2000 + "}"
    for name in sorted(value):
        yield f"missing field {name}", canonical({key: item for key, item in value.items() if key != name})
