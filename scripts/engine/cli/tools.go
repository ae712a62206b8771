//go:build tools

// Package cli only pins what scripts/lib/engine.sh builds: go.mod and go.sum
// cover the whole tree below this import.
package cli

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
