"""A mailbox for the demo: takes every mail over real SMTP and shows it on a page."""
