"""Transfers: an organization that manages an account hands it to another one; the person is told with a date, and may object or take the account themselves."""
