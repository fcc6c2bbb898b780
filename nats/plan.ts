// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

import type { Plan } from "./streams.ts";

/** As it lies in the cluster. */
export const planText = (plan: Plan): string => `${JSON.stringify(plan)}\n`;
