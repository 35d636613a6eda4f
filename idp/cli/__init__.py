"""The operators' door: ``idp --help``. Tables for people, ``--json`` for scripts."""
