"""The inactivity rule: who did not use anything here for so many days is warned twice and then suspended. Off unless an organization turns it on."""
