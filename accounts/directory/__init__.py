"""What an organization's directory governs: which memberships, groups and fields are changed there and not by hand (POWERS, guard rail 15)."""
