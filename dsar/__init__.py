"""The person's rights and the life of data. Its features come with their own issues; nothing is stored here yet."""
