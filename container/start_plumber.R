# Rscript start_plumber.R: what the container runs. It loads the API file, and with it the model, and serves on 8000.
#
# The API file is plumber.R beside this one. The service names another one when code is deployed with the model
# (codeConfiguration): AML_APP_ROOT is the folder of that code, AZUREML_ENTRY_SCRIPT the file in it.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
root <- Sys.getenv("AML_APP_ROOT")
script <- Sys.getenv("AZUREML_ENTRY_SCRIPT")
file <- if (nzchar(script)) file.path(if (nzchar(root)) root else here, script) else file.path(here, "plumber.R")

# plumber evaluates an API file in the folder that it is in, so plumber.R finds service.R beside itself.
router <- plumber::plumb(file)
router <- plumber::pr_set_docs(router, FALSE)
message("serving ", file, " on port 8000")
plumber::pr_run(router, host = "0.0.0.0", port = 8000, quiet = TRUE)
