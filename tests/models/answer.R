# Rscript answer.R: answers request.json with the model and the worker's own code, all in this folder.

source("service.R")
service <- jsonlite::read_json("service.json")
given <- parse_body(list(bodyRaw = readBin("request.json", "raw", 1e6)))
cat(as_json(consume(readRDS("model.rds"), service, given)))
