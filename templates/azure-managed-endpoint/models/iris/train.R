# Rscript --vanilla train.R: trains the model on R's own iris data and writes model.rds beside this file.
#
# Linear discriminant analysis, in base R: where the four measurements vary alike within each species, the species
# with the highest linear score is the most likely one. The same data give the same bytes on every machine.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
options(keep.source = FALSE)

iris <- datasets::iris
measures <- c("Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width")
species <- levels(iris$Species)

x <- as.matrix(iris[measures])
means <- rowsum(x, iris$Species) / as.vector(table(iris$Species))
within <- crossprod(x - means[iris$Species, ]) / (nrow(x) - length(species))

# Scores: x %*% weights + offsets. Algebra libraries differ in the last digits; ten of them are the same everywhere.
weights <- solve(within, t(means))
offsets <- -colSums(t(means) * weights) / 2 + log(as.vector(table(iris$Species)) / nrow(x))

# What is published: a function that finds its coefficients in an environment of its own, and all else in base R.
model <- function(Sepal.Length, Sepal.Width, Petal.Length, Petal.Width) {
  scores <- cbind(Sepal.Length, Sepal.Width, Petal.Length, Petal.Width) %*% weights
  scores <- sweep(scores, 2L, offsets, "+")
  # Without its largest score a flower's exponentials cannot overflow.
  likelihoods <- exp(scores - apply(scores, 1L, max))
  probabilities <- round(likelihoods / rowSums(likelihoods), 6L)
  list(
    species = colnames(weights)[max.col(scores, "first")],
    probabilities = as.data.frame(probabilities)
  )
}
environment(model) <- new.env(hash = FALSE, parent = baseenv())
assign("weights", signif(weights, 10L), environment(model))
assign("offsets", signif(offsets, 10L), environment(model))

# Not compressed: the bytes of a gzip file depend on the release of zlib.
saveRDS(model, file.path(here, "model.rds"), version = 3L, compress = FALSE)
