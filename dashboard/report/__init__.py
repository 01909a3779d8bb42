"""The report of a trial at one site: facts read from what is released, then a document of them."""
