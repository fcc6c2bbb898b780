// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

/** The shell blocks below a heading of Markdown, up to the next one; a # in a block begins a comment, and no section. */
export function shellBlocks(text: string, heading: string): string[] {
  const found: string[] = [];
  let below: string | undefined;
  let block: string[] | undefined;
  let shell = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) {
      if (block === undefined) [block, shell] = [[], /^```(sh|bash)$/.test(line)];
      else {
        if (shell && below === heading) found.push(block.map((one) => `${one}\n`).join(""));
        block = undefined;
      }
    } else if (block) block.push(line);
    else below = /^#+ (.*?)\s*$/.exec(line)?.[1] ?? below;
  }
  return found;
}
