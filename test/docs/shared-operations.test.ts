import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { codeBlocks, moduleOf, typeErrors } from '../support/code-blocks.ts';

const guide = new URL('../../docs/guides/shared-operations.md', import.meta.url);
const markdown = await readFile(guide, 'utf8');
const prelude = [
  "import { OperationError, rotateKeys, type ScanRange } from 'provider-vault';",
  "import type { MongoSecretStore, SecretsVault } from 'provider-vault';",
  'declare const [vault, store]: [SecretsVault, MongoSecretStore];',
  'declare const signal: AbortSignal;',
  "declare const log: Record<'info' | 'warn', (facts: object) => void>;",
  'declare const queue: AsyncIterable<ScanRange> & { add(ranges: ScanRange[]): Promise<void> };',
].join(' ');

it('the code of the guide compiles', () => {
  const blocks = codeBlocks(markdown, 'ts');
  expect(blocks).toHaveLength(4);
  const wrong = [...blocks, { code: 'store.split();', line: 1000 }]; // the check must see this one
  const errors = typeErrors({
    'docs/guides/shared.ts': moduleOf(blocks, prelude),
    'docs/guides/wrong.ts': moduleOf(wrong, prelude),
  });
  expect(errors).toEqual([expect.stringContaining('wrong.ts:1000: ')]);
});
