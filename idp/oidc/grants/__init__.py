"""The token endpoint's grants, a module each, in the shape of Authlib's.

The order inside every one is *claim, then mint, then save*: the library saves the token
first and deletes the code afterwards, so of sixteen callers at once up to six would win.
"""
