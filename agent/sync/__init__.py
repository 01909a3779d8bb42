"""Released numbers, sent to a central database: decide what is missing there, then send it.

Nothing here can name a sealed record, a key or what opens one; a contract proves it.
"""
