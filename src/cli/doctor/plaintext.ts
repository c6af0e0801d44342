import { migrateFromSettings, type SecretsVault } from 'provider-vault';
import type { OpenStore } from '../open-store.ts';
import { count } from '../output.ts';
import { type Check, pass, warn } from './check.ts';

/** What the old system left in the clear: what a migration, run dry, finds. @internal */
export async function checkPlaintext(
  vault: SecretsVault,
  { mongo }: OpenStore,
  settings: string,
): Promise<Check[]> {
  if (mongo === undefined) return [];
  const { db, collection } = mongo;
  const { plaintextRemaining: fields } = await migrateFromSettings(vault, {
    settings: db.collection(settings),
    secrets: db.collection(collection),
    dryRun: true,
  });
  const where = `in ${settings} and ${collection}`;
  if (fields === 0) return [pass('plaintext', `none ${where}`)];
  return [
    warn(
      'plaintext',
      `${count(fields, 'field')} of the old system ${where}`,
      '`provider-vault migrate --secrets --erase` moves them into the vault.',
      { fields },
    ),
  ];
}
