"""Signing in through django-allauth: adapters, and views that write an entry for every attempt."""
