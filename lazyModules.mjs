// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import Module from "node:module";

/**
 * What @pulumi/pulumi loads at every start, but needs only to serialise functions (dynamic providers, cloud callbacks),
 * which this program never does. Two thirds of the SDK's own start go by with them (docs/decisions/0008).
 */
const HEAVY = new Set(["@npmcli/arborist", "typescript"]);

const isSdk = (parent) => /[\\/]@pulumi[\\/]pulumi[\\/]/.test(parent?.filename ?? "");

/** Stands for a module until something of it is asked for; then it is loaded, and all goes on as if it had been from the start. */
function lazy(load) {
  let module;
  const loaded = () => (module ??= load());
  return new Proxy(
    {},
    {
      // compiled code asks this first, and copies all of a module that says no
      get: (_, key) =>
        key === "__esModule" ? true : key === "default" ? (loaded().default ?? loaded()) : loaded()[key],
      has: (_, key) => key in loaded(),
      ownKeys: () => Reflect.ownKeys(loaded()),
      getOwnPropertyDescriptor: (_, key) => ({ configurable: true, enumerable: true, value: loaded()[key] }),
    },
  );
}

const load = Module._load;
Module._load = function (request, parent, isMain) {
  const really = () => load.call(this, request, parent, isMain);
  return HEAVY.has(request) && isSdk(parent) ? lazy(really) : really();
};
