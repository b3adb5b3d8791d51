"""How the service is run by engines that others have written; docs/deploy.md."""
