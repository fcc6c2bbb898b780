// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes stands in for Pulumi's generated Go SDK, of which the provider needs a handful of names,
// all of them for the component resources helm.v4.Chart and yaml.v2, which ops-nats does not use. Compiling the
// real one takes more than half of the provider's build. Such a resource is refused with a message (yaml/v2).
package kubernetes

import "reflect"

// UntypedArgs holds an object's fields by name.
type UntypedArgs map[string]any

// ElementType makes UntypedArgs usable as the inputs of a resource.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
