# Services on this node's disk, and how one answers: shared by worker.R and the tests.

NAME <- "^[A-Za-z][A-Za-z0-9._-]{0,63}$"
VERSION <- "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
CACHED_MODELS <- 16L
LONGEST_SECONDS <- 1800 # as long as the proxies wait for an answer

# Models that this worker has loaded, by SHA-256, the one used last at the end.
new_cache <- function() {
  models <- list()
  function(folder, sha256) {
    model <- models[[sha256]]
    if (is.null(model)) {
      model <- readRDS(file.path(folder, ".models", paste0(sha256, ".rds")))
    }
    models[[sha256]] <<- NULL
    models[[sha256]] <<- model
    models <<- tail(models, CACHED_MODELS)
    model
  }
}

# The description of NAME/VERSION, or NULL when nobody has published it.
describe <- function(folder, name, version) {
  if (!grepl(NAME, name) || !grepl(VERSION, version)) {
    return(NULL)
  }
  path <- file.path(folder, name, paste0(version, ".json"))
  if (!file.exists(path)) {
    return(NULL)
  }
  jsonlite::read_json(path)
}

# A scalar of JSON is a scalar of R, an array of scalars is a vector; what is nested stays a list.
parse_body <- function(req) {
  text <- rawToChar(req$bodyRaw)
  Encoding(text) <- "UTF-8"
  # Not fromJSON, which takes a text that is a path or a URL for the place of the JSON.
  jsonlite::parse_json(text, simplifyVector = TRUE, simplifyMatrix = FALSE)
}

# One input as the type that the service declares (facts.md 13.3 has the list).
convert <- function(value, type) {
  switch(type,
    logical = as_scalars(value, as.logical, type),
    numeric = as_scalars(value, as.numeric, type),
    integer = as_scalars(value, as.integer, type),
    character = as_scalars(value, as.character, type),
    vector = if (length(value) == 0) logical() else unlist(value),
    matrix = as_rows(value),
    data.frame = as.data.frame(value, stringsAsFactors = FALSE, check.names = FALSE),
    stop("unknown type ", type)
  )
}

# Values of one of R's own types; null is NA, and so is nothing else.
as_scalars <- function(value, as, type) {
  if (is.null(value)) {
    value <- NA
  }
  converted <- suppressWarnings(as(value))
  if (any(is.na(converted) & !is.na(value))) {
    stop("must be ", type, call. = FALSE)
  }
  converted
}

# A matrix of JSON is an array of its rows.
as_rows <- function(value) {
  if (length(value) == 0) {
    return(matrix(logical(), 0, 0))
  }
  if (!is.list(value) || is.data.frame(value)) {
    return(as.matrix(value))
  }
  if (length(unique(lengths(value))) > 1) {
    stop("the rows of a matrix must have one length", call. = FALSE)
  }
  unname(do.call(rbind, value))
}

# The inputs of a request by name, converted; stops with words for the caller.
take_inputs <- function(declared, given) {
  names <- vapply(declared, function(input) input$name, "")
  if (length(given) > 0 && is.null(names(given))) {
    stop("the body must be an object with the inputs by name", call. = FALSE)
  }
  missing <- setdiff(names, names(given))
  if (length(missing) > 0) {
    stop("missing inputs: ", toString(missing), call. = FALSE)
  }
  unknown <- setdiff(names(given), names)
  if (length(unknown) > 0) {
    stop("unknown inputs: ", toString(unknown), call. = FALSE)
  }
  stats::setNames(lapply(declared, function(input) take_input(input, given)), names)
}

take_input <- function(input, given) {
  tryCatch(
    convert(given[[input$name]], input$type),
    error = function(problem) stop("input ", input$name, ": ", conditionMessage(problem), call. = FALSE)
  )
}

# One output in the shape that the service declares: a vector is an array of JSON also when it has one element.
shape <- function(value, type) {
  switch(type,
    vector = I(unname(as.vector(value))),
    matrix = unname(as.matrix(value)),
    data.frame = as.data.frame(value, stringsAsFactors = FALSE, optional = TRUE),
    value
  )
}

# The result by the names of the declared outputs: a list gives them by name, anything else is the only one.
name_outputs <- function(declared, result) {
  names <- vapply(declared, function(output) output$name, "")
  if (length(names) == 1 && !(is.list(result) && names %in% names(result))) {
    result <- stats::setNames(list(result), names)
  }
  missing <- setdiff(names, names(result))
  if (length(missing) > 0) {
    stop("the model returned no ", toString(missing), call. = FALSE)
  }
  stats::setNames(lapply(declared, function(output) shape(result[[output$name]], output$type)), names)
}

# What POST /api/{name}/{version} answers (facts.md 13.3, "Consume").
consume <- function(model, service, given) {
  answer <- list(
    success = TRUE, errorMessage = "", outputParameters = structure(list(), names = character()),
    consoleOutput = "", changedFiles = list()
  )
  setTimeLimit(elapsed = LONGEST_SECONDS, transient = TRUE)
  on.exit(setTimeLimit())
  console <- utils::capture.output({
    outcome <- tryCatch(
      name_outputs(service$outputs, do.call(model, take_inputs(service$inputs, given))),
      error = function(problem) problem
    )
  })
  if (inherits(outcome, "error")) {
    answer$success <- FALSE
    answer$errorMessage <- conditionMessage(outcome)
  } else {
    answer$outputParameters <- outcome
  }
  answer$consoleOutput <- paste(console, collapse = "\n")
  answer
}

as_json <- function(answer) {
  jsonlite::toJSON(answer, auto_unbox = TRUE, digits = NA, null = "null", na = "null", dataframe = "columns", force = TRUE)
}
