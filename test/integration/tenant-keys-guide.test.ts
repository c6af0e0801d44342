import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, inject, it } from 'vitest';
import { codeBlocks } from '../support/code-blocks.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { runScript } from '../support/run-script.ts';

// The code of the guide, run as it stands there, one step after the other.
const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = await readFile(join(root, 'docs/guides/tenant-keys.md'), 'utf8');
const blocks = codeBlocks(guide, 'ts').map(({ code }) => code);
const { db } = await testDatabase();
// Inside the project, so that its public names are found.
const file = join(root, 'test', `.guide-${db.databaseName}.ts`);
afterAll(() => rm(file, { force: true }));

it('moves in, changes the KMS key, renews and erases, as the guide says', async () => {
  expect(blocks).toHaveLength(8);
  const [setUp, openBoth, sealOwn, rotate, verify, rewrap, renew, erase] = blocks;
  const script = `
    import assert from 'node:assert/strict';
    import { MongoClient } from 'mongodb';
    import {
      eraseTenant, Keyring, MongoKeyStore, MongoSecretStore, renewKeys, rotateKeys, SecretsVault,
      TenantKeys, verifyVault,
    } from 'provider-vault';
    import { localWrapper } from 'provider-vault/kms';
    const client = await MongoClient.connect(${JSON.stringify(inject('mongoUri'))});
    const db = client.db(${JSON.stringify(db.databaseName)});
    const wrapper = localWrapper(new Keyring({ encryptionKey: ${JSON.stringify(newKey())} }));
    const newWrapper = localWrapper(new Keyring({ encryptionKey: ${JSON.stringify(newKey())} }));
    const keyring = new Keyring({ encryptionKey: ${JSON.stringify(newKey())} });
    const store = new MongoSecretStore(db);
    const keyStore = new MongoKeyStore(db);
    const keyIdOf = async (vault) => (await vault.require('acme', 'custom')).meta.keyId;
    await new SecretsVault({ store, keys: keyring }).put('acme', 'custom', { token: 'one' });
    {
      ${setUp}
      assert.match((await vault.put('other', 'custom', { token: 'two' })).keyId, /^t1-/);
    }
    {
      ${openBoth}
      const vault = new SecretsVault({ store, keys });
      await vault.patch('acme', 'custom', { more: 'a' });
      assert.equal(await keyIdOf(vault), keyring.encryptionKeyId);
    }
    {
      ${sealOwn}
      const vault = new SecretsVault({ store, keys });
      ${rotate}
      assert.equal(remaining, 0);
      ${verify}
      assert.deepEqual(verified.droppableKeys, keyring.keyIds);
      assert.match(await keyIdOf(vault), /^t1-/);
    }
    {
      ${rewrap}
      assert.deepEqual([report.scanned, report.rewrapped, report.failedCount], [2, 2, 0]);
      const vault = new SecretsVault({ store, keys });
      const deployedAt = new Date();
      ${renew}
      assert.deepEqual([renewed.renewed, renewed.rotation?.rotated], [2, 2]);
      assert.match(await keyIdOf(vault), /^t2-/);
      const backup = await store.get({ tenantId: 'acme', provider: 'custom' });
      ${erase}
      assert.deepEqual([erased.providers, erased.keys], [['custom'], 2]);
      await store.put(backup, null);
      const refused = { code: 'ERR_KEY_ERASED' };
      await assert.rejects(vault.get('acme', 'custom'), refused);
      await assert.rejects(vault.put('acme', 'custom', { token: 'x' }), refused);
      await keys.renew('acme');
      assert.match((await vault.put('acme', 'more', { token: 'x' })).keyId, /^t3-/);
    }
    await client.close();
    console.log('done');`;
  await writeFile(file, script);
  const { stdout, stderr } = await runScript(file);
  expect(stdout.trim(), stderr).toBe('done');
});
