"""Shows that frames die: marked frames through the running agent, then a scan of what is left.

Nothing here is needed to watch a camera. The agent under test is the installed one, in a process of
its own, fed by a camera on the loopback address; the process that scans is another one, so that
what it looks for isn't found in itself.
"""
