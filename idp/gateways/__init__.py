"""The outside world, one system a module: timeouts, and errors in our own words."""
