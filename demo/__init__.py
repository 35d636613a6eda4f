"""What ``make run`` starts: the provider, its relying app, a mailbox, and people to sign in as."""
