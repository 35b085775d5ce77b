"""`make bench`: how long things take, always relative to something in the same run. A tool, not a test."""
