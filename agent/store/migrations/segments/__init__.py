"""Steps of the segments database, one file a schema; see `agent.store.migrations`."""
