"""How good the shipped models are: metrics, protocols of public sets, one report per task."""
