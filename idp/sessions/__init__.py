"""Browser sessions: kept here, named in the browser by an opaque cookie."""
