// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

export const ADMIN = "admin";

export const APP = "app";

/** Makes and keeps the primary's streams; at an edge, `app` can. */
export const CONTROLLER = "controller";

/** By which the servers of one cluster log in to each other. */
export const ROUTE = "_route"; // no edge can be called so

/** Of whom the root key is, where passwords are told by user. */
export const ROOT = "_root";

/** Counts, at an edge, events whose cluster name is not carried. */
export const WATCH = "watch";

/** Percent-encoded login in front of a URL's host, the only login that Ops knows. */
export const endpoint = (clientUrl: string, user: string, password: string): string =>
  clientUrl.replace("://", `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
