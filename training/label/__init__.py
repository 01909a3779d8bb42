"""Labels for real pictures, made by teachers; runs once, before training."""
