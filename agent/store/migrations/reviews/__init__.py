"""Steps of the access log database, one file a schema; see `agent.store.migrations`."""
