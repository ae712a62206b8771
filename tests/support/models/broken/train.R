# A number is no model: what serves it ends before it serves.
saveRDS(42L, "model.rds", version = 2)
