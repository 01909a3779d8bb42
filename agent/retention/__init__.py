"""What must go, and why: pure decisions; `agent.maintenance` carries them out."""
