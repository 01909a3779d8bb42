"""Steps of the aggregates database, one file a schema; see `agent.store.migrations`."""
