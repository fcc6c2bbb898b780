// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Package random wraps HashiCorp's random provider by Pulumi's own bridge, as pulumi-random does: the same
// version, the same tokens. Pulumi's plugin is not published as a Go module.
package random

import (
	"context"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	bridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	random "github.com/terraform-providers/terraform-provider-random/provider"
)

// Version is what @pulumi/random in package.json asks for; the toolchain sets it when it builds.
var Version = "0.0.0"

// Provider describes the plugin. metadata is the text of bridge-metadata.json, empty while it is being made.
func Provider(metadata []byte) bridge.ProviderInfo {
	info := bridge.ProviderInfo{
		Name:         "random",
		P:            tfbridge.ShimProvider(random.New()),
		Version:      Version,
		MetadataInfo: bridge.NewProviderMetadata(metadata),
		Resources: map[string]*bridge.ResourceInfo{
			"random_bytes": {ComputeID: bytesID},
		},
	}
	// pulumi-random keeps the prefix: random_password is random:index/randomPassword:RandomPassword
	info.MustComputeTokens(tokens.SingleModule("", "index", tokens.MakeStandard("random")))
	return info
}

// bytesID is the id of a RandomBytes: its base64 text.
func bytesID(_ context.Context, state resource.PropertyMap) (resource.ID, error) {
	text := state["base64"]
	if text.IsSecret() {
		text = text.SecretValue().Element
	}
	return resource.ID(text.StringValue()), nil
}
