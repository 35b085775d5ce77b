"""Notes: a small program of its own, as an organization might run it, with its own process and its own SQLite store. Nothing of Steward is imported here.

It signs people in through Steward (OpenID Connect with PKCE), keeps their notes, hears when they are signed out, what happens to their access, and what they ask about their data, and signs what it answers.
`make run` starts it beside the demo as Northwind's Notes; the tests start it against their own server. What it is to know comes in one file that only its owner may read.
"""
