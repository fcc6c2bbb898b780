// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/**
 * Below the ports that systems give to outgoing connections, so that nobody takes one before its server does, and above 10080, the
 * highest that `fetch` refuses whatever listens there (https://fetch.spec.whatwg.org/#port-blocking).
 */
const [FIRST, LAST] = [10_081, 29_999];

/**
 * Runs beside each other have ports of their own, by TEST_PLACE (sandbox/mochaRun.ts): a port is looked at now and listened on
 * later, and in between another run would find it free, too.
 * @param place `<number from 0 on>/<of how many>`; all ports without it
 */
export function portRange(place = "0/1"): readonly [lowest: number, highest: number] {
  const [, number, of] = (/^(\d+)\/(\d+)$/.exec(place) ?? []).map(Number);
  if (number === undefined || of === undefined || number >= of)
    throw new Error(`TEST_PLACE: must be 0/3, got ${place}`);
  const size = Math.floor((LAST - FIRST + 1) / of);
  return [FIRST + number * size, FIRST + (number + 1) * size - 1];
}

/** A port of 127.0.0.1 that nobody listens on, and that this process has not given before. */
export async function freePort(): Promise<number> {
  const [lowest, highest] = portRange(process.env.TEST_PLACE);
  for (let tries = 0; tries < 100; tries++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port of a hundred tried between ${lowest} and ${highest}`);
}

/** Has a server listen on a port of this machine that the system chooses. @returns the port */
export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const given = new Set<number>();

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
