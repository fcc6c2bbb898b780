// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** Commands to type next, of this cluster's own stack, whichever is selected. */
export function commands({ stack }: { readonly stack: string }) {
  const own = `-s ${stack.split("/").at(-1)}`;
  return {
    up: `pulumi up ${own}`,
    destroy: `pulumi destroy ${own}`,
    refresh: `pulumi refresh ${own}`,
    set: (key: string, value: string | number) =>
      `pulumi config set ${key.includes(".") ? `--path 'ops-nats:${key}'` : key.includes(":") ? key : `ops-nats:${key}`} ${value} ${own}`,
    unset: (path: string) => `pulumi config rm --path 'ops-nats:${path}' ${own}`,
  };
}
