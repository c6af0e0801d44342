import { isVaultError, migrateFromSettings, type SecretsVault } from 'provider-vault';
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
  const where = `in ${settings} and ${collection}`;
  let fields: number;
  try {
    const sources = { settings: db.collection(settings), secrets: db.collection(collection) };
    fields = (await migrateFromSettings(vault, { ...sources, dryRun: true })).plaintextRemaining;
  } catch (error) {
    if (!isVaultError(error)) throw error;
    return [warn('plaintext', `not counted ${where}: ${error.message}`, 'Mend that first.')];
  }
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
