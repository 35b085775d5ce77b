"""Backups: encrypted archives, a register of them beside the archives, and the day on which the last one ends that may have somebody."""
