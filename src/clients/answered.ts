import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultCore } from '../core/vault-core.ts';
import type { RecordView } from '../record.ts';

/**
 * Tells how the provider answered a call: HTTP 401 means that the credentials are refused, a success
 * that they are not, after all. It never throws.
 *
 * @internal
 */
export type Answered = (status: number) => Promise<void> | undefined;

/** A caller whose call has failed does not wait for a store that hangs. */
const PATIENCE_MS = 2_000;

/** Remembers the answers to calls with the credentials in `view` as their health. @internal */
export function rememberAnswers(core: VaultCore, view: Pick<RecordView, 'ref' | 'etag'>): Answered {
  let failing = false;
  const note = async (state: 'ok' | 'failing') => {
    const { noteHealth } = await import('../lifecycle/health.ts');
    const code = state === 'failing' ? 'wrong_credentials' : undefined;
    const waiting = new AbortController();
    const noted = noteHealth(core, view, { state, code });
    const patience = sleep(PATIENCE_MS, undefined, { signal: waiting.signal }).catch(() => {});
    await Promise.race([noted, patience]);
    waiting.abort();
  };
  return (status) => {
    if (status === 401) {
      failing = true;
      return note('failing');
    }
    if (!failing || status >= 400) return undefined;
    failing = false;
    return note('ok');
  };
}
