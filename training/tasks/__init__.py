"""A task is batches + forward + loss + scores; the loop that drives it is `training.train`."""
