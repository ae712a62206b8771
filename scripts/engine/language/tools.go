//go:build tools

// Package language only pins what scripts/lib/engine.sh builds: go.mod and go.sum
// cover the whole tree below this import.
package language

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
