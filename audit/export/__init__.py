"""The export of a log that an outsider can check without us: docs/audit-bundle.md."""
