# Rscript check.R: reads one HTTP request with a model (saveRDS) from standard input, loads it, answers what it is, and
# ends. Run for each publication in a process of its own: nobody has looked into these bytes before.

LARGEST <- 64 * 1024 * 1024

respond <- function(status, body) {
  text <- as.character(jsonlite::toJSON(body, auto_unbox = TRUE))
  cat(
    "HTTP/1.1 ", status, "\r\nContent-Type: application/json\r\nContent-Length: ", nchar(text, "bytes"),
    "\r\nConnection: close\r\n\r\n", text, sep = ""
  )
}

input <- file("stdin", "rb")

# The header, byte by byte up to the empty line: what follows is not text.
read_line <- function() {
  line <- raw()
  repeat {
    byte <- readBin(input, "raw", 1L)
    if (length(byte) == 0L || byte == as.raw(10L)) break
    line <- c(line, byte)
  }
  sub("\r$", "", rawToChar(line))
}

read_body <- function(size) {
  chunks <- list()
  while (size > 0) {
    chunk <- readBin(input, "raw", size)
    if (length(chunk) == 0L) stop("the request ended early")
    chunks <- c(chunks, list(chunk))
    size <- size - length(chunk)
  }
  unlist(chunks)
}

size <- NA_real_
repeat {
  line <- read_line()
  if (line == "") break
  if (grepl("^content-length:", line, ignore.case = TRUE)) size <- as.numeric(sub("^[^:]*:", "", line))
}

if (is.na(size) || size < 1 || size > LARGEST) {
  respond("400 Bad Request", list(message = "the model must have a length of 1 byte to 64 MiB"))
} else {
  model <- tryCatch(
    {
      connection <- gzcon(rawConnection(read_body(size)))
      readRDS(connection)
    },
    error = function(problem) problem
  )
  if (inherits(model, "error")) {
    respond("422 Unprocessable Entity", list(message = paste("R cannot read the model:", conditionMessage(model))))
  } else if (!is.function(model)) {
    respond("422 Unprocessable Entity", list(message = paste("the model is of class", class(model)[1], "and must be a function")))
  } else {
    names <- names(formals(model))
    respond("200 OK", list(inputs = as.list(if (is.null(names)) character() else names)))
  }
}
