"""The OpenAPI document as one page that needs nothing else: no font, no other host, and no script to be read.

One small script sends what a reader filled in (`docs_try.js`). The ready-made pages for that are hundreds of kB of
script and styles that this policy refuses.
"""

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SCRIPT = (Path(__file__).parent / "docs_try.js").read_text()

Node = Mapping[str, Any]


def page(document: Node) -> str:
    """Return the page."""
    info, server = document["info"], document["servers"][0]["url"].rstrip("/")
    operations = [
        (server + path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    body = [f"<h1>{escape(info['title'])} API</h1>", f"<p>{escape(info['description'])}</p>"]
    body.append(_KEY)
    body.append(f'<p>The same as an <a href="{server}/openapi.json">OpenAPI {document["openapi"]} document</a>.</p>')
    for tag in document["tags"]:
        body.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        body += [
            _operation(path, method, operation)
            for path, method, operation in operations
            if tag["name"] in operation["tags"]
        ]
    body.append("<h2>Live updates</h2>")
    body += [_websocket(server + path, socket) for path, socket in document["x-websockets"].items()]
    body.append("<h2>Types</h2>")
    body += [_type(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    script = f"{server}/docs/try.js"
    return _FRAME.format(title=escape(info["title"]), style=_STYLE, body="\n".join(body), script=script)


def _operation(path: str, method: str, operation: Node) -> str:
    lock = f' <span class="lock">{escape(operation["x-permission"])}</span>'
    parts = [f"<p>{_marked(operation['description'])}</p>"] if operation["description"] else []
    if operation["parameters"]:
        rows = (
            [_code(parameter["name"]), parameter["in"], _shape(parameter["schema"]), _about(parameter)]
            for parameter in operation["parameters"]
        )
        parts.append(_table(("Parameter", "In", "Type", "Meaning"), rows))
    if body := operation.get("requestBody"):
        rows = ([_media_type(media_type), _shape(content["schema"])] for media_type, content in body["content"].items())
        parts.append(_table(("Body", "Type"), rows))
    rows = (
        [_code(status), escape(response["description"]), _types(response)]
        for status, response in operation["responses"].items()
    )
    # What a reader does comes before what may come of it.
    parts += [_example(path, method, operation), _try(path, method, operation)]
    parts.append(_table(("Answer", "When", "Type"), rows))
    return (
        f'<details id="{operation["operationId"]}">'
        f'<summary><span class="method {method}">{method.upper()}</span> {_code(path)} '
        f"<span>{escape(operation['summary'])}</span>{lock}</summary>{''.join(parts)}</details>"
    )


def _example(path: str, method: str, operation: Node) -> str:
    """Return a command that does it, and what it answers."""
    parts = [f'<pre tabindex="0">{escape(_curl(path, method, operation))}</pre>']
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            if "example" in content:
                shown = json.dumps(content["example"], indent=2, ensure_ascii=False)
                parts.append(f'<details><summary>An answer</summary><pre tabindex="0">{escape(shown)}</pre></details>')
    return "".join(parts)


def _curl(path: str, method: str, operation: Node) -> str:
    needed = [parameter for parameter in operation["parameters"] if parameter["required"]]
    for parameter in needed:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(_example_of(parameter)))
    query = "&".join(
        f"{parameter['name']}={quote(str(_example_of(parameter)))}"
        for parameter in needed
        if parameter["in"] == "query"
    )
    lines = [f'curl -X {method.upper()} "$URL{path}{"?" if query else ""}{query}"']
    if operation["x-permission"] != "public":
        lines.append('-H "Authorization: Bearer $KEY"')
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f"-H 'Content-Type: {media_type}'")
        if "example" in content:
            text = json.dumps(content["example"], ensure_ascii=False).replace("'", "'\\''")
            lines.append(f"-d '{text}'")
        else:
            lines.append("--data-binary @FILE")
        break
    return " \\\n  ".join(lines)


def _try(path: str, method: str, operation: Node) -> str:
    """Return a form to fill in and send, which the script shows."""
    fields = []
    for parameter in operation["parameters"]:
        value = _example_of(parameter) if parameter["required"] else ""
        required = " required" if parameter["required"] else ""
        fields.append(
            f'<label>{_code(parameter["name"])} <input name="{escape(parameter["name"])}" data-in="{parameter["in"]}" '
            f'value="{escape(str(value))}"{required}></label>'
        )
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        shown = json.dumps(content["example"], indent=2, ensure_ascii=False) if "example" in content else ""
        fields.append(
            f'<label>{_code(media_type)} <textarea data-in="body" data-type="{escape(media_type)}" rows="8">'
            f"{escape(shown)}</textarea></label>"
        )
        break
    return (
        f'<form class="try" hidden data-method="{method.upper()}" data-path="{escape(path)}">'
        f"{''.join(fields)}<button>Try it</button><output></output></form>"
    )


def _example_of(parameter: Node) -> Any:
    schema = parameter["schema"]
    if "examples" in schema:
        return schema["examples"][0]
    return schema["enum"][0] if "enum" in schema else schema.get("default", parameter["name"].upper())


def _websocket(path: str, socket: Node) -> str:
    rows = [["you", _shape(message)] for message in socket["from_client"]]
    rows += [["server", _shape(message)] for message in socket["from_server"]]
    return (
        f'<details><summary><span class="method ws">WS</span> <code>{escape(path)}</code> '
        f"<span>{escape(socket['description'])}</span></summary>{_table(('Sent by', 'Message'), rows)}</details>"
    )


def _type(name: str, schema: Node) -> str:
    about = f"<p>{_marked(schema['description'])}</p>" if "description" in schema else ""
    if "properties" in schema:
        required = schema.get("required", ())
        rows = (
            [_code(name), _shape(field), "" if name in required else "optional", _marked(field.get("description", ""))]
            for name, field in schema["properties"].items()
        )
        shown = _table(("Field", "Type", "", "Meaning"), rows)
    else:
        shown = f"<p>{_shape(schema)}</p>"
    return f'<details id="type-{escape(name)}"><summary><code>{escape(name)}</code></summary>{about}{shown}</details>'


def _about(parameter: Node) -> str:
    schema = parameter["schema"]
    parts = ["<b>Required</b>"] if parameter["required"] else []
    parts += [_marked(parameter["description"])] if "description" in parameter else []
    parts += [f"Default: {_code(json.dumps(schema['default']))}"] if "default" in schema else []
    return ". ".join(parts)


def _types(response: Node) -> str:
    return ", ".join(
        f"{_media_type(media_type)} {_shape(content['schema'])}"
        for media_type, content in response.get("content", {}).items()
    )


def _shape(schema: Node) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#type-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_shape, schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(_code(json.dumps(value)) for value in schema["enum"])
    kind = escape(str(schema.get("format") or schema.get("type", "anything")))
    if kind == "array":
        return f"array of {_shape(schema.get('items', {}))}{_limits(schema)}"
    if kind == "object" and isinstance(values := schema.get("additionalProperties"), dict):
        return f"object of {_shape(values)}{_limits(schema)}"
    return kind + _limits(schema)


def _limits(schema: Node) -> str:
    found = [f"{words} {schema[name]}" for name, words in _LIMITS.items() if name in schema]
    if "pattern" in schema:
        found.append(_code(schema["pattern"]))
    return f' <span class="limits">{", ".join(found)}</span>' if found else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rest = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{rest}</tbody></table></div>'


def _media_type(text: str) -> str:
    """Return a media type that breaks after its slash, where it is too long for its column."""
    return f"<code>{escape(text).replace('/', '/<wbr>')}</code>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _marked(text: str) -> str:
    """Return prose with what stands between backticks as code."""
    return "".join(_code(part) if index % 2 else escape(part) for index, part in enumerate(text.split("`")))


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "characters from",
    "maxLength": "characters up to",
    "minItems": "items from",
    "maxItems": "items up to",
    "maxProperties": "entries up to",
}

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --dim: #5b6964; --accent: #0a6b5a; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --dim: #93a39d; --accent: #48c9ab; --on: #06231d; } }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
code { font: 0.875em ui-monospace, monospace; overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0 0.75rem; }
details[open] { padding-bottom: 0.75rem; }
details:target { outline: 2px solid #2684ff; }
summary { cursor: pointer; padding: 0.5rem 0; }
summary span:not(.method):not(.lock) { color: var(--dim); }
.method { display: inline-block; min-width: 4.2em; text-align: center; border-radius: 4px; color: #fff;
  font: 600 0.75rem/1.6 ui-monospace, monospace; background: #555; }
.get { background: #1a6fb5; } .post { background: #1f7a3d; } .patch { background: #8a5a00; }
.put { background: #6d5a00; } .delete { background: #b3261e; } .ws { background: #6b3fa0; }
.lock { font-size: 0.75rem; border: 1px solid var(--line); border-radius: 4px; padding: 0 0.4em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; }
tr { border-bottom: 1px solid var(--line); }
.limits { color: var(--dim); font-size: 0.85em; }
pre { background: var(--soft); border-radius: 6px; padding: 0.75rem; overflow-x: auto; }
pre { font: 0.875rem/1.4 ui-monospace, monospace; }
form.try { display: grid; gap: 0.75rem; border: 1px solid var(--line); border-radius: 6px; background: var(--soft);
  padding: 0.75rem; margin: 0.75rem 0; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); }
form.try :is(label:has(textarea), button, output) { grid-column: 1 / -1; }
form.try[hidden] { display: none; }
form.try label, .key { display: grid; gap: 0.15rem; }
input, textarea { font: 0.9rem ui-monospace, monospace; padding: 0.45rem 0.6rem; width: 100%; box-sizing: border-box;
  border: 1px solid #888; border-radius: 6px; background: Canvas; color: CanvasText; resize: vertical; }
button { font: inherit; font-weight: 600; padding: 0.4rem 1.1rem; justify-self: start; border: 0; border-radius: 6px;
  background: var(--accent); color: var(--on); cursor: pointer; }
output { display: block; white-space: pre-wrap; overflow-wrap: anywhere; font: 0.875rem/1.4 ui-monospace, monospace; }
"""

_KEY = (
    "<p>Commands take <code>$URL</code>, where the platform is, and <code>$KEY</code>, a key, which an administrator"
    " makes. Who has signed in needs none here.</p>"
    '<p class="key"><label for="key">Key, for what is tried on this page; it is kept nowhere</label>'
    '<input id="key" type="password" autocomplete="off"></p>'
)

_FRAME = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title><style>{style}</style></head>
<body>
{body}
<script src="{script}"></script>
</body>
</html>
"""
