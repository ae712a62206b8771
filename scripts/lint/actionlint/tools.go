//go:build tools

// Package tools names what scripts/lib/workflows.sh builds from this module: actionlint, whose wheel on
// PyPI is none (it downloads a program while it is installed), held to go.sum here.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
