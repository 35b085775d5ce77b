"""Security events: services and apps learn within seconds what happened to people whom they know (OpenID Shared Signals Framework 1.0, CAEP 1.0, RISC 1.0)."""
