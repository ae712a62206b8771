# What is learned here is patience.
wait <- function(seconds) {
  Sys.sleep(seconds)
  list(waited = seconds)
}
environment(wait) <- globalenv()
saveRDS(wait, "model.rds", version = 2)
