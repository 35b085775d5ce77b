"""The embedded services of `make run` and `make test`: a real PostgreSQL and a real Valkey as child processes."""
