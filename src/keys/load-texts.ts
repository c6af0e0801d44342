import { publicNameOf, VaultError } from '../errors.ts';
import { type KeyTexts, splitKeys, withoutNewline } from './key-texts.ts';

/** The texts of `Keyring.load`, without what surrounds them; each is still to be checked. @internal */
export async function loadTexts(
  source: () => Promise<string | KeyTexts | undefined>,
): Promise<{ encryptionKey: string; decryptionKeys: readonly string[] }> {
  const loaded = await textsOf(source);
  const { encryptionKey, decryptionKeys = [] } =
    typeof loaded === 'string' ? { encryptionKey: loaded } : (loaded ?? {});
  if (encryptionKey === undefined || encryptionKey === '') {
    throw new VaultError('ERR_KEY_MISSING', 'The source of the keys gave no encryption key.');
  }
  const others = typeof decryptionKeys === 'string' ? splitKeys(decryptionKeys) : decryptionKeys;
  if (!Array.isArray(others)) {
    throw new VaultError(
      'ERR_KEY_INVALID',
      'decryptionKeys of the source must be an array or a string.',
    );
  }
  return {
    encryptionKey: withoutNewline(encryptionKey),
    decryptionKeys: others.map(withoutNewline),
  };
}

async function textsOf(source: () => Promise<string | KeyTexts | undefined>) {
  try {
    return await source();
  } catch (error) {
    const what = publicNameOf(error);
    const isMissing = /^(ENOENT|ResourceNotFoundException)$/.test(what);
    throw new VaultError(
      isMissing ? 'ERR_KEY_MISSING' : 'ERR_KEY_UNAVAILABLE',
      `The source of the keys failed (${what}).`,
    );
  }
}
