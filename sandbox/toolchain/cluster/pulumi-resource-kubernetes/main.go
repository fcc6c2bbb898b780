// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Command pulumi-resource-kubernetes is Pulumi's own Kubernetes provider. Its module is published without
// the generated files that its own main embeds, so this one reads them from the folder of the executable,
// where the toolchain puts the module's schema.json and terraform-mapping.json.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
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
	provider.Serve("kubernetes", version.Version, read("schema.json"), read("terraform-mapping.json"))
}
