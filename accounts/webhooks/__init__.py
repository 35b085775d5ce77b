"""Webhooks: programs that an organization names are told what happens, in thin messages (Standard Webhooks)."""
