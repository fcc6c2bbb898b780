// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import { fullName } from "./release.ts";

/** The name of all that the controller is made of. */
export const controllerName = (release: string): string => `${fullName(release)}-controller`;

/** The ConfigMap with its plan; its program has one of its own, for each has to fit into a MiB. */
export const planName = (release: string): string => `${controllerName(release)}-plan`;
