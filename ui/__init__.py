"""The look that the provider and the relying apps share; it imports nothing of theirs.

``look`` gives it to an application; ``roc_calendar`` and ``locale`` know no web at all.
"""
