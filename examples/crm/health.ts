import type { CredentialHealth } from 'provider-vault';

const TEXTS: Readonly<Record<CredentialHealth['state'], string>> = {
  ok: 'accepts these credentials',
  failing: 'refuses these credentials',
  expiring: 'still works, but the access could not be renewed',
  needs_reauthorization: 'has ended this connection: connect again',
};

/** Whether credentials work, in a sentence for their tenant. */
export function healthText(
  title: string,
  { state, code }: Pick<CredentialHealth, 'state' | 'code'>,
) {
  if (state === 'failing' && code === 'refresh_failed') {
    return `The access to ${title} has expired, and could not be renewed`;
  }
  return `${title} ${TEXTS[state]}`;
}
