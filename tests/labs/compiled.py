"""Pages and addresses are compiled once a test process, and not once an application.

Each test makes applications of its own. What their templates and rules are compiled to is the
same each time, and took more time than most tests do.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


class Templates(BytecodeCache):
    """Keeps in memory what the templates of each package's applications were compiled to."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get(_which(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._kept[_which(bucket)] = bucket.code


def _which(bucket: Bucket) -> tuple[Any, ...]:
    flask: Flask = bucket.environment.app  # type: ignore[attr-defined]
    extensions = tuple(sorted(bucket.environment.extensions))
    return flask.import_name, extensions, bucket.key, bucket.checksum


Builder = Callable[..., tuple[str, str]]
_builders: dict[tuple[Any, ...], Builder] = {}


class KnownRule(Rule):
    """A rule that writes the function which builds its address once."""

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        if self.defaults:  # a converter had its word in the function
            return super()._compile_builder(append_unknown)
        which = (self.rule, tuple(self._trace), append_unknown)
        if which not in _builders:
            _builders[which] = super()._compile_builder(append_unknown)
        return _builders[which]


def once() -> None:
    """Let every application that is made from now on use what an earlier one has compiled."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Templates()}
    Flask.url_rule_class = KnownRule
