"""The front process: HTTP on loopback, who may ask, and the course of one operation.

It holds no card and loads no card library; those live in :mod:`cardbridge.card`, in a process
of their own.
"""
