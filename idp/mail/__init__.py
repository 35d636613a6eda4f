"""Mails: what each says, in whose language, and how it gets into the outbox."""
