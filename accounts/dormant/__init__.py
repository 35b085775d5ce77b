"""Accounts that nobody uses: warned, then closed, then deleted after the usual grace; by the installation's rule, or by that of the organization that manages the account (policy C1, C3)."""
