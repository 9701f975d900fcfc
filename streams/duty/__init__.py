"""Who is on duty where, and when: people, rosters, hand-overs. Pure."""
