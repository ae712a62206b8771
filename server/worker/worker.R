# Rscript worker.R SOCKET FOLDER: answers POST /api/{name}/{version} on a Unix socket with the services in FOLDER.
# plumber routes; its own runner knows only TCP, which this process may not use.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "service.R"))

arguments <- commandArgs(TRUE)
socket <- arguments[1]
folder <- arguments[2]
load_model <- new_cache()

refuse <- function(res, status, message) {
  res$status <- status
  list(message = message)
}

score <- function(req, res) {
  parts <- strsplit(req$PATH_INFO, "/", fixed = TRUE)[[1]]
  service <- describe(folder, parts[3], parts[4])
  if (is.null(service)) {
    return(refuse(res, 404L, "there is no such service and version: GET /services lists what is published"))
  }
  given <- tryCatch(parse_body(req), error = function(problem) problem)
  if (inherits(given, "error") || !(is.list(given) || length(given) == 0)) {
    return(refuse(res, 400L, "the body must be a JSON object with the inputs by name"))
  }
  consume(load_model(folder, service$sha256), service, given)
}

report <- function(req, res, problem) {
  message("request failed: ", conditionMessage(problem))
  refuse(res, 500L, "the worker failed; its node's journal says why")
}

router <- plumber::pr()
router <- plumber::pr_set_serializer(router, plumber::serializer_content_type("application/json", as_json))
router <- plumber::pr_set_error(router, report)
router <- plumber::pr_set_docs(router, FALSE)
router <- plumber::pr_set_parsers(router, "octet")
router <- plumber::pr_post(router, "/api/<name>/<version>", score)

# R compiles what it runs for the first time: better now than in the first request.
rehearse <- function() {
  service <- list(inputs = list(list(name = "x", type = "numeric")), outputs = list(list(name = "y", type = "numeric")))
  given <- parse_body(list(bodyRaw = charToRaw('{"x": 1}')))
  for (time in 1:3) as_json(consume(function(x) x, service, given))
}
rehearse()

if (file.exists(socket)) invisible(file.remove(socket))
# The mask leaves the socket open to all who reach its folder: that is the proxy alone.
server <- httpuv::startPipeServer(socket, strtoi("0111", 8L), router)
repeat httpuv::service(Inf)
