// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Package v2 refuses what the sandbox's build of the provider leaves out; see package kubernetes.
package v2

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource always fails: it would need the generated SDK.
func RegisterResource(_ *pulumi.Context, apiVersion, kind, name string, _ pulumi.Input,
	_ ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	return nil, fmt.Errorf("%s/%s %q: the Kubernetes provider built by the ops-nats sandbox carries neither helm.v4.Chart nor yaml.v2; install Pulumi's own (pulumi plugin install resource kubernetes)", apiVersion, kind, name)
}
