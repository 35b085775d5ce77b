"""Requests of people reach the services and apps that hold data about them too (RIGHTS 4e, GDPR Art. 19)."""
