import { join } from 'node:path';
import { FileSecretStore } from 'provider-vault';
import { expect, it } from 'vitest';
import { testFolder } from '../support/cli-places.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';
import { newKey } from '../support/fixtures.ts';
import { runModule } from '../support/run-module.ts';

const [tryIt] = codeBlocks(textOf('docs/guides/getting-started.md'), 'ts');

it('the first program does what the guide says', async () => {
  const path = join(await testFolder(), 'secrets.json');
  await new FileSecretStore(path).init();
  const code = (tryIt?.code ?? '').replace("'secrets.json'", JSON.stringify(path));
  const env = { APP_ENCRYPTION_KEY: newKey() };
  const { stdout, stderr } = await runModule(code, 'test/docs/names/common.ts', env);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^Credentials \{\s+accountSid: '\[redacted\]',[\s\S]*\}\n1\n$/);
  expect(stdout).not.toContain('2'.repeat(32));
});
