# Installs R packages, and what they need, out of a repository that lies in a folder as miniCRAN makes it (facts.md
# section 16). Ends with an error unless each of them loads in the repository's version. Nothing is asked of the internet.
#
# usage: install-packages.R FOLDER PACKAGE...

options(warn = 1)
arguments <- commandArgs(trailingOnly = TRUE)
folder <- normalizePath(arguments[1], winslash = "/", mustWork = TRUE)
wanted <- arguments[-1]
place <- "/(src/contrib|bin/windows/contrib/[0-9.]+)/PACKAGES$"

lists <- grep(place, list.files(folder, "^PACKAGES$", recursive = TRUE, full.names = TRUE), value = TRUE)
root <- unique(sub(place, "", lists))
if (length(root) != 1)
  stop("the archive has ", length(root), " repositories, not one: make it with miniCRAN", call. = FALSE)

# Windows has no compiler; a package for another R than this one is not offered.
windows <- .Platform$OS.type == "windows"
repository <- paste0(if (windows) "file:///" else "file://", root)
binary <- windows && any(startsWith(lists, sub("^file:///", "", contrib.url(repository, "win.binary"))))
kind <- if (binary) "win.binary" else "source"

offered <- available.packages(contriburl = contrib.url(repository, kind))
lacking <- setdiff(wanted, rownames(offered))
if (length(lacking))
  stop("the repository has no ", toString(lacking), " for R ", getRversion(), " (", kind, ")", call. = FALSE)

# Suggestions stay where they are: they are not needed to run. Packages that R itself brings are left alone.
install.packages(wanted, repos = repository, type = kind, dependencies = NA)

for (name in wanted) {
  if (!requireNamespace(name, quietly = TRUE)) stop(name, " does not load", call. = FALSE)
  found <- as.character(packageVersion(name))
  if (packageVersion(name) != offered[name, "Version"])
    stop(name, " is ", found, ", not the repository's ", offered[name, "Version"], call. = FALSE)
  message(name, " ", found)
}
