// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Package v4 has the argument types of helm.v4.Chart that the provider is compiled against; see package kubernetes.
package v4

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// RepositoryOpts says where a chart comes from.
type RepositoryOpts struct {
	Repo     *string               `pulumi:"repo"`
	Username *string               `pulumi:"username"`
	Password *string               `pulumi:"password"`
	CaFile   pulumi.AssetOrArchive `pulumi:"caFile"`
	CertFile pulumi.AssetOrArchive `pulumi:"certFile"`
	KeyFile  pulumi.AssetOrArchive `pulumi:"keyFile"`
}

// RepositoryOptsInput is RepositoryOpts or an output of it.
type RepositoryOptsInput interface{ pulumi.Input }

// PostRenderer is a program that changes the rendered manifests.
type PostRenderer struct {
	Command string   `pulumi:"command"`
	Args    []string `pulumi:"args"`
}

// PostRendererInput is PostRenderer or an output of it.
type PostRendererInput interface{ pulumi.Input }
