import { type Environment, generateKey, isVaultError, Keyring } from 'provider-vault';
import { type Check, fail, pass } from './check.ts';

/**
 * The keys of the environment, each of the two variables checked on its own.
 *
 * @param isOptional - a KMS wraps the tenants' keys, and what seals need not be here
 * @returns whether both are good, and then the keyring
 */
export function checkKeys(
  env: Environment,
  isOptional: boolean,
): { checks: Check[]; good: boolean; keyring?: Keyring } {
  if (isOptional && !env.APP_ENCRYPTION_KEY && !env.APP_ENCRYPTION_KEY_FILE) {
    const text = "none set: the tenants' own keys seal and open";
    return { checks: [pass('encryption key', text)], good: true };
  }
  const encryption = keyringOf('encryption key', {
    APP_ENCRYPTION_KEY: env.APP_ENCRYPTION_KEY,
    APP_ENCRYPTION_KEY_FILE: env.APP_ENCRYPTION_KEY_FILE,
  });
  const decryption = keyringOf('decryption keys', {
    APP_ENCRYPTION_KEY: generateKey(), // so that only the others can be wrong
    APP_DECRYPTION_KEYS: env.APP_DECRYPTION_KEYS,
    APP_DECRYPTION_KEYS_FILE: env.APP_DECRYPTION_KEYS_FILE,
  });
  const checks: Check[] = [];
  if ('failure' in encryption) checks.push(encryption.failure);
  else checks.push(pass('encryption key', encryption.keys.encryptionKeyId));
  if ('failure' in decryption) checks.push(decryption.failure);
  else {
    const ids = decryption.keys.keyIds.slice(1);
    checks.push(pass('decryption keys', ids.length > 0 ? ids.join(', ') : 'none set'));
  }
  const good = checks.every(({ state }) => state === 'pass');
  return { checks, good, ...(good && { keyring: Keyring.fromEnv(env) }) };
}

function keyringOf(name: string, env: Environment): { keys: Keyring } | { failure: Check } {
  try {
    return { keys: Keyring.fromEnv(env) };
  } catch (error) {
    if (!isVaultError(error)) throw error;
    const todo =
      error.code === 'ERR_KEY_MISSING'
        ? 'Set it; records can only be opened with the key that sealed them.'
        : 'Fix the variable.';
    return { failure: fail(name, error.message, todo) };
  }
}
