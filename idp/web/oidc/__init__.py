"""The surface for machines. Module names are discovery's endpoint names.

Endpoints that no person sees are functions from :class:`Exchange` to :class:`Reply` and
know no framework; ``bridge`` mounts them. ``authorize`` is the hub of every sign-in.
"""
