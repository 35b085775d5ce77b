"""The person's rights and the life of data. The clock of requests is here; what it is used for comes with the requests themselves."""
