// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Command pulumi-resource-random serves the random provider; its schema and metadata, written by the schema
// command beside this one, lie in the folder of the executable.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	random "ops-nats/sandbox/toolchain/pulumi/random"
)

func main() {
	executable, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(executable), name))
		if err != nil {
			log.Fatalf("%v: the toolchain lays this file beside the provider; run its set-up again", err)
		}
		return text
	}
	provider := random.Provider(read("bridge-metadata.json"))
	tfbridge.Main(context.Background(), "random", provider, tfbridge.ProviderMetadata{PackageSchema: read("schema.json")})
}
