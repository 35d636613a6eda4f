"""Portico, the identity provider.

Doors (``web``, ``cli``, ``worker``) call features; features stand on ``database`` and
``gateways``. ``pyproject.toml`` holds the import contracts that keep it so;
``docs/architecture.md`` draws the picture and follows one sign-in through it.
"""
