// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Command schema writes schema.json and bridge-metadata.json of the random provider: schema --out FOLDER schema.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	random "ops-nats/sandbox/toolchain/pulumi/random"
)

func main() { tfgen.Main("random", random.Provider([]byte("{}"))) }
