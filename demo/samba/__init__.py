"""A real Active Directory on loopback, made of Debian's Samba: for the demo and for tests.

:mod:`demo.samba.domain` is a program for ``/usr/bin/python3``, the one that has Samba's modules;
the rest runs where we do.
"""
