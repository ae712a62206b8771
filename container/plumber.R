# The API of one model, on a managed endpoint: GET /live, GET /ready, POST /score.
#
# What a request means and how an answer is written is service.R's, the same file that the workers of nodes run.

source("service.R", local = TRUE)

# The folder with the model: AZUREML_MODEL_DIR itself, or the one folder in it, by whose name the model was registered.
model_folder <- function(folder = Sys.getenv("AZUREML_MODEL_DIR")) {
  candidates <- c(folder, list.dirs(folder, recursive = FALSE))
  found <- candidates[file.exists(file.path(candidates, "model.rds"))]
  if (length(found) != 1L) {
    stop("AZUREML_MODEL_DIR (", folder, ") must hold one model.rds, and holds ", length(found), call. = FALSE)
  }
  found
}

# Loaded before the first connection is accepted: whoever is answered by /ready is answered by the model, too.
load_scoring <- function(folder = model_folder()) {
  model <- readRDS(file.path(folder, "model.rds"))
  if (!is.function(model)) {
    stop(file.path(folder, "model.rds"), " is of class ", class(model)[1], " and must be a function", call. = FALSE)
  }
  list(model = model, service = jsonlite::read_json(file.path(folder, "service.json")))
}

scoring <- load_scoring()

refuse <- function(res, status, message) {
  res$status <- status
  list(message = message)
}

# The outputs by name; what the caller did wrong is 400, what the model could not do is 500.
score <- function(req, res) {
  given <- tryCatch(parse_body(req), error = function(problem) problem)
  if (inherits(given, "error") || !(is.list(given) || length(given) == 0)) {
    return(refuse(res, 400L, "the body must be a JSON object with the inputs by name"))
  }
  inputs <- tryCatch(take_inputs(scoring$service$inputs, given), error = function(problem) problem)
  if (inherits(inputs, "error")) {
    return(refuse(res, 400L, conditionMessage(inputs)))
  }
  outputs <- tryCatch(
    name_outputs(scoring$service$outputs, do.call(scoring$model, inputs)),
    error = function(problem) problem
  )
  if (inherits(outputs, "error")) {
    message("scoring failed: ", conditionMessage(outputs))
    return(refuse(res, 500L, conditionMessage(outputs)))
  }
  outputs
}

report <- function(req, res, problem) {
  message("request failed: ", conditionMessage(problem))
  refuse(res, 500L, "the container failed; its log says why")
}

# service.R reads the body itself: whatever type the caller says it is of, plumber is to leave it as it came.
plumber::register_parser("unread", function(...) function(value, ...) list(), regex = "^")

#* @plumber
function(pr) {
  # Written once: a handler that returns JSON as text has it encoded again by plumber's own serializer.
  once <- plumber::serializer_content_type("application/json", as_json)
  pr <- plumber::pr_set_parsers(pr, "unread")
  pr <- plumber::pr_set_error(pr, report)
  pr <- plumber::pr_get(pr, "/live", function() "alive")
  pr <- plumber::pr_get(pr, "/ready", function() "ready")
  plumber::pr_post(pr, "/score", score, serializer = once)
}
