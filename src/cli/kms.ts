import { Keyring, type KeyWrapper } from 'provider-vault';
import { peerError } from '../clients/load-peer.ts';
import { UsageError } from './errors.ts';

const FORMS = 'aws:KEY_ID, vault:URL/KEY, vault:URL/MOUNT/KEY, gcp:NAME, azure:KEY_URL or local';

/**
 * The wrapper that a text names: its id, in which Vault's mount `transit` may be left out, or
 * `local`. Credentials come from the environment, as the service's own tools read them.
 *
 * @param keyring - for `local`
 * @throws UsageError for a text that names none; VaultError `ERR_PEER_MISSING`, `ERR_INVALID_ARGUMENT`
 */
export async function openWrapper(name: string, keyring: () => Keyring): Promise<KeyWrapper> {
  const [, service, key = ''] = /^(aws|vault|gcp|azure):(.+)$/.exec(name) ?? [];
  const kms = await import('provider-vault/kms');
  if (name === 'local') return kms.localWrapper(keyring());
  if (service === 'aws') {
    const region = /^arn:[\w-]+:kms:([\w-]+):/.exec(key)?.[1];
    const { KMSClient } = await import('@aws-sdk/client-kms').catch(missing('@aws-sdk/client-kms'));
    return kms.awsKms({ client: new KMSClient(region ? { region } : {}), keyId: key });
  }
  if (service === 'vault') return kms.vaultTransit(transitOf(key));
  if (service === 'gcp') {
    const gcp = await import('@google-cloud/kms').catch(missing('@google-cloud/kms'));
    return kms.gcpKms({ client: new gcp.KeyManagementServiceClient(), name: key });
  }
  if (service === 'azure') {
    if (!URL.canParse(key)) throw unknownForm();
    const keys = await import('@azure/keyvault-keys').catch(missing('@azure/keyvault-keys'));
    const identity = await import('@azure/identity').catch(missing('@azure/identity'));
    const credential = new identity.DefaultAzureCredential();
    return kms.azureKeyVault({ client: new keys.CryptographyClient(key, credential) });
  }
  throw unknownForm();
}

/**
 * A wrapper for each key of the keyring that only opens: before APP_ENCRYPTION_KEY was rotated, it
 * was the one that wrapped.
 */
export async function earlierLocalWrappers(keyring: Keyring): Promise<KeyWrapper[]> {
  const { localWrapper } = await import('provider-vault/kms');
  const keys = keyring.keyIds.slice(1).flatMap((id) => keyring.decryptionKey(id));
  return keys.map((encryptionKey) => localWrapper(new Keyring({ encryptionKey })));
}

function transitOf(name: string) {
  const { VAULT_TOKEN: token, VAULT_NAMESPACE: namespace } = process.env;
  if (!token) throw new UsageError('VAULT_TOKEN is not set; a token comes from there only.');
  const url = URL.canParse(name) ? new URL(name) : undefined;
  const path = url?.pathname.split('/').filter(Boolean) ?? [];
  const key = path.pop();
  if (url === undefined || key === undefined) throw unknownForm();
  return {
    address: url.origin,
    token,
    key,
    ...(path.length > 0 && { mount: path.join('/') }),
    ...(namespace && { namespace }),
  };
}

function unknownForm(): UsageError {
  return new UsageError(`A KMS key is named by ${FORMS}.`);
}

function missing(name: string): (error: unknown) => never {
  return (error) => {
    throw peerError(name, error);
  };
}
