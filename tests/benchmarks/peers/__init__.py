"""The audit packages of the trade on tables like ours."""
