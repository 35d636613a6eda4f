"""What a person lets an app have, as a value. Pure."""

from typing import Any, Self

import msgspec


class Permission(msgspec.Struct, frozen=True):
    """What a person lets one app have, or what it asks them for."""

    scopes: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    """Where its tokens may be used (RFC 8707)."""
    details: frozenset[str] = frozenset()
    """Authorization details (RFC 9396), each as JSON in one form alone."""

    def covers(self, asked: Self) -> bool:
        """Tell whether nothing beyond this is asked for."""
        return (
            asked.scopes <= self.scopes
            and asked.resources <= self.resources
            and asked.details <= self.details
        )

    def kept(self) -> dict[str, Any]:
        """Give the form that is put on record; the same for the same permission."""
        return {name: sorted(getattr(self, name)) for name in self.__struct_fields__}


NOTHING = Permission()
