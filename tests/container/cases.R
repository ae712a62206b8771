# Rscript cases.R: what the API answers, one line of JSON a case: [name, status, body].

Sys.setenv(AZUREML_MODEL_DIR = "model")
router <- suppressMessages(plumber::plumb("plumber.R"))

ask <- function(name, method, path, body = "") {
  bytes <- charToRaw(body)
  input <- list(
    read = function(...) bytes,
    rewind = function() NULL,
    read_lines = function(...) body
  )
  request <- as.environment(list(
    REQUEST_METHOD = method, PATH_INFO = path, QUERY_STRING = "", HTTP_CONTENT_TYPE = "application/json",
    HTTP_CONTENT_LENGTH = as.character(length(bytes)), rook.input = input
  ))
  answer <- router$call(request)
  cat(jsonlite::toJSON(list(name, answer$status, as.character(answer$body)), auto_unbox = TRUE), "\n", sep = "")
}

request <- paste(readLines("model/request.json"), collapse = "\n")
ask("live", "GET", "/live")
ask("ready", "GET", "/ready")
ask("score", "POST", "/score", request)
ask("arrays", "POST", "/score", '{"Sepal.Length":[6.1],"Sepal.Width":[2.9],"Petal.Length":[4.9],"Petal.Width":[1.7]}')
ask("missing", "POST", "/score", "{}")
ask("unknown", "POST", "/score", sub("}", ', "forecast_horizon": 2}', request, fixed = TRUE))
ask("type", "POST", "/score", sub("6.1", '"tall"', request, fixed = TRUE))
ask("text", "POST", "/score", "sepals")
ask("list", "POST", "/score", "[1, 2]")
file <- Filter(file.exists, c("model/model.rds", "model/models/model.rds"))
saveRDS(function(...) stop("no such flower"), file)
router <- suppressMessages(plumber::plumb("plumber.R"))
ask("fails", "POST", "/score", request)
