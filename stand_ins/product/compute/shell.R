# Rscript shell.R: one R shell of a compute node. A request is a line of JSON on standard input, its answer a line on
# standard output that begins with the request's mark; what else is written there by user code is console output.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "service.R"))

CACHED_SERVICES <- 8L
DEFINITIONS <- normalizePath(file.path(here, "services"), mustWork = FALSE)
options(warn = 1, device = function(...) grDevices::pdf(NULL))

# The only place that R code may write to: a folder of this shell's own.
workdir <- tempfile("shell-", file.path(normalizePath(here), "workdir"))
if (!dir.create(workdir, showWarnings = FALSE)) workdir <- tempdir()
setwd(workdir)

session <- new.env(parent = globalenv())

# Runs code as a console would: a visible value is printed.
run <- function(code, where) {
  for (expression in parse(text = code, keep.source = FALSE)) {
    result <- withVisible(eval(expression, where))
    if (result$visible) print(result$value)
  }
}

# Objects of a workspace as bytes in base64, and back.
pack <- function(where) {
  file <- tempfile()
  on.exit(unlink(file))
  save(list = ls(where, all.names = TRUE), envir = where, file = file)
  jsonlite::base64_enc(readBin(file, "raw", file.size(file)))
}

unpack <- function(text, where) {
  connection <- gzcon(rawConnection(jsonlite::base64_dec(text)))
  on.exit(close(connection))
  load(connection, envir = where)
}

# A service's definition with its workspace and what initCode made, loaded once a shell.
new_services <- function() {
  services <- list()
  function(digest) {
    service <- services[[digest]]
    if (is.null(service)) {
      service <- jsonlite::read_json(file.path(DEFINITIONS, paste0(digest, ".json")))
      service$where <- new.env(parent = globalenv())
      if (nzchar(service$snapshot)) unpack(service$snapshot, service$where)
      if (nzchar(service$initCode)) run(service$initCode, service$where)
    }
    services[[digest]] <<- NULL
    services[[digest]] <<- service
    services <<- tail(services, CACHED_SERVICES)
    service
  }
}
prepared <- new_services()

consume_service <- function(request) {
  service <- prepared(request$service)
  given <- parse_body(list(bodyRaw = charToRaw(request$inputs)))
  where <- new.env(parent = service$where)
  inputs <- take_inputs(service$inputs, given)
  for (name in names(inputs)) assign(name, inputs[[name]], envir = where)
  run(service$code, where)
  names <- vapply(service$outputs, function(output) output$name, "")
  values <- lapply(service$outputs, function(output) {
    if (!exists(output$name, envir = where)) stop("the code made no ", output$name, call. = FALSE)
    shape(get(output$name, envir = where), output$type)
  })
  stats::setNames(values, names)
}

execute <- function(request) {
  for (input in request$inputs) {
    assign(input$name, parse_body(list(bodyRaw = charToRaw(input$value))), envir = session)
  }
  run(request$code, session)
  lapply(request$outputs, function(name) list(name = name, value = get(name, envir = session)))
}

operations <- list(
  ping = function(request) "pong",
  consume = consume_service,
  execute = execute,
  snapshot = function(request) pack(session),
  load = function(request) {
    unpack(request$data, session)
    "loaded"
  },
  objects = function(request) as.list(ls(session)),
  object = function(request) get(request$name, envir = session, inherits = FALSE),
  files = function(request) as.list(list.files()),
  file = function(request) {
    # A name, never a path: what else this account may read is nobody's business.
    name <- basename(request$name)
    jsonlite::base64_enc(readBin(name, "raw", file.size(name)))
  }
)

answer <- function(request) {
  before <- list.files()
  console <- utils::capture.output(
    outcome <- tryCatch(
      {
        setTimeLimit(elapsed = LONGEST_SECONDS, transient = TRUE)
        allowInterrupts(operations[[request$operation]](request))
      },
      error = function(problem) problem,
      interrupt = function(problem) simpleError("cancelled")
    )
  )
  setTimeLimit()
  failed <- inherits(outcome, "error")
  list(
    success = !failed,
    errorMessage = if (failed) conditionMessage(outcome) else "",
    value = if (failed) NULL else outcome,
    consoleOutput = paste(console, collapse = "\n"),
    changedFiles = as.list(setdiff(list.files(), before))
  )
}

# Only what a user runs can be interrupted (facts.md 7, the cancel port).
input <- file("stdin", "r")
suspendInterrupts(repeat {
  line <- readLines(input, 1L, warn = FALSE)
  if (length(line) == 0L) break
  Encoding(line) <- "UTF-8"
  request <- jsonlite::parse_json(line)
  text <- as_json(answer(request))
  cat(request$mark, " ", text, "\n", sep = "")
  flush(stdout())
})
unlink(workdir, recursive = TRUE)
