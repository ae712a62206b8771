# Rscript --vanilla check_model.R FOLDER: whether a model folder's function loads in a clean environment and answers
# its own request.json with its answer.json. Ends with 1 and says what is wrong; needs jsonlite, and service.R beside it.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "service.R"))

refuse <- function(...) {
  cat(..., "\n", sep = "", file = stderr())
  quit(status = 1L)
}

# What is loaded before, the model's function has not brought along.
invisible(lapply(c("jsonlite", "stats", "utils"), loadNamespace))
before <- loadedNamespaces()
folder <- commandArgs(TRUE)[1]
model <- tryCatch(
  readRDS(file.path(folder, "model.rds")),
  error = function(problem) refuse("model.rds: R cannot read it: ", conditionMessage(problem)),
  warning = function(problem) refuse("model.rds: R cannot read it: ", conditionMessage(problem))
)
if (!is.function(model)) {
  refuse("model.rds: it is of class ", class(model)[1], " and must be a function")
}
service <- jsonlite::read_json(file.path(folder, "service.json"))
body <- readBin(file.path(folder, "request.json"), "raw", file.size(file.path(folder, "request.json")))
given <- tryCatch(
  parse_body(list(bodyRaw = body)),
  error = function(problem) refuse("request.json: ", conditionMessage(problem))
)
inputs <- tryCatch(
  take_inputs(service$inputs, given),
  error = function(problem) refuse("request.json: ", conditionMessage(problem))
)
outputs <- tryCatch(
  name_outputs(service$outputs, do.call(model, inputs)),
  error = function(problem) refuse("the model cannot answer request.json: ", conditionMessage(problem))
)
brought <- setdiff(loadedNamespaces(), before)
if (length(brought) > 0L) {
  refuse("model.rds: it loads packages that no container has to have: ", toString(brought))
}
said <- jsonlite::parse_json(as_json(outputs))
expected <- jsonlite::read_json(file.path(folder, "answer.json"))
if (!isTRUE(all.equal(said, expected, tolerance = 1e-9))) {
  refuse("answer.json: the model answers request.json with ", as_json(outputs))
}
cat("the model answers request.json as answer.json says\n")
