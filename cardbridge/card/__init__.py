"""The card: which libraries may be loaded, and the process that loads them.

A card library is foreign native code that can hang or crash its process. So it gets one that
may be killed at any moment, told what to do over a pipe in a few fixed commands.
"""
