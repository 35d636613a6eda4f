"""Putting the bridge on a desktop: start at sign-in, the ``cardbridge:`` scheme, the doctor."""
