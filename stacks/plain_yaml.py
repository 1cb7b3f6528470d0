"""YAML that every reader of it understands alike.

Pulumi reads a stack's file with a library that mostly follows YAML 1.2, the tools of this repository with one of YAML
1.1. To the one `no` is a text and to the other false, `010` is eight or ten, `12:30` a time or 750.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from stacks.errors import StackConfigError


def read_yaml(path: Path) -> Any:
    """Return what a file holds, None where it is empty.

    Raises StackConfigError with the line of what is no YAML, or means one thing here and another thing there, and
    FileNotFoundError.
    """
    try:
        return yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StackConfigError(f"{path.name}, line {line}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StackConfigError(f"{path.name} is no YAML in UTF-8: {error}") from None


class _Loader(yaml.SafeLoader):
    """Takes plain scalars for numbers and booleans only where there is one way to read them."""


def _plain(kind: str, pattern: str, wanted: str) -> None:
    construct = yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{kind}"]

    def checked(loader: _Loader, node: yaml.ScalarNode) -> Any:
        if not re.fullmatch(pattern, node.value):
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value} is read in more ways than one: put it in quotes if it is a text, write {wanted}",
                problem_mark=node.start_mark,
            )
        return construct(loader, node)

    _Loader.add_constructor(f"tag:yaml.org,2002:{kind}", checked)


def _distinct(loader: _Loader, node: yaml.MappingNode) -> Any:
    names = [loader.construct_object(name) for name, _ in node.value]
    for (name, _), value in zip(node.value, names, strict=True):
        if names.count(value) > 1:
            raise yaml.constructor.ConstructorError(
                problem=f"{value} stands here twice: name it once", problem_mark=name.start_mark
            )
    return loader.construct_mapping(node, deep=True)


def _text(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_plain("int", r"-?(0|[1-9][0-9]*)", "plain digits if it is a number")
_plain("float", r"-?(0|[1-9][0-9]*)\.[0-9]+", "digits with a point if it is a number")
_plain("bool", "true|false", "true or false if it is one of these")
_Loader.add_constructor("tag:yaml.org,2002:map", _distinct)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
