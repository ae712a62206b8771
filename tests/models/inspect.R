# Rscript inspect.R NUMBERS...: what the model in this folder is made of, and that it runs with base R alone in sight.

before <- loadedNamespaces()
model <- readRDS("model.rds")
home <- environment(model)
held <- mget(ls(home, all.names = TRUE), home)
for (name in setdiff(search(), c(".GlobalEnv", "package:base"))) {
  try(detach(name, character.only = TRUE), silent = TRUE)
}
answer <- do.call(model, as.list(as.numeric(commandArgs(TRUE))))
cat(
  "function", is.function(model), "\n",
  "parent is base", identical(parent.env(home), baseenv()), "\n",
  "holds numbers", all(vapply(held, is.numeric, TRUE)), "\n",
  "answers", is.list(answer), "\n",
  "loaded", setdiff(loadedNamespaces(), before), "\n",
  "attached", setdiff(search(), c(".GlobalEnv", "Autoloads", "package:base")), "\n",
  "arguments", names(formals(model)), "\n"
)
