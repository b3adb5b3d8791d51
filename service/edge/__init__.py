"""What stands between the callers and the routes: proxies, a sub-path, pages of other sites."""
