"""``/developers``: each flow of the protocol, one message at a time. For demonstrations alone."""
