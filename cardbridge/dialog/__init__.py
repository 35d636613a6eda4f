"""The window a person sees: who asks, for what, with which card, and the PIN.

No page can draw it, read it or type into it. Another program shows it (a pinentry, or our own
where none is installed) and hands the PIN back over a pipe.
"""
