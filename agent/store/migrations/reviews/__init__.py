"""Steps of the reviews' database, one file a schema; see `agent.store.migrations`."""
