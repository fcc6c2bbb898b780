// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Package provider opens the random provider, which its module keeps internal, to the bridge.
// A package may import an internal one when its own path lies below the same root: hence this module's name.
package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"
	random "github.com/terraform-providers/terraform-provider-random/internal/provider"
)

// New returns HashiCorp's random provider.
func New() provider.Provider { return random.New() }
