"""Schema migrations: one ``env.py``, a folder of versions a database."""
