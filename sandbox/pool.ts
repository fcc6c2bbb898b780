// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/**
 * Works through items in their order, so many at a time.
 * @param work gets the place of an item, from 0 on: no two items have the same place at a time
 */
export async function inPlaces<T>(
  items: readonly T[],
  places: number,
  work: (item: T, place: number) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async (place: number) => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item, place);
  };
  await Promise.all(Array.from({ length: places }, (_, place) => worker(place)));
}
