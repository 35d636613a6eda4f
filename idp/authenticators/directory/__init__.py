"""Sign-in by a directory (P04): a password it is asked about, or a ticket it has given out.

What a person is comes from the directory at every sign-in and is kept under ``objectGUID``; names,
principals, mailboxes and DNs are read and never relied on.
"""
