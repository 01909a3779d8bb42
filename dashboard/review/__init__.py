"""What only a reviewer sees: sealed records, opened in one session and replayed by a drawn face.

The one part of the pages that may open segments; a manager's pages can't import it.
"""
