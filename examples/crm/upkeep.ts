import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from 'mongodb';
import type { Logger } from 'pino';
import {
  checkHealth,
  HEALTH_CHANNEL,
  type HealthEvent,
  refreshDue,
  type SecretsVault,
} from 'provider-vault';
import type { SdkTargets } from './clients.ts';
import { Notices } from './data/notices.ts';
import { loggable } from './http/errors.ts';

export interface UpkeepParts {
  readonly db: Db;
  readonly vault: SecretsVault;
  readonly log: Logger;
  readonly sdk?: SdkTargets;
  readonly refreshEveryMs?: number;
  readonly checkEveryMs?: number;
}

/** Who it is in the audit trail. */
export const UPKEEP = 'crm';
const MINUTE_MS = 60_000;
const CHECKS_PER_SECOND = 5;

/**
 * What nobody clicks: renews access before it expires, tests what is stored, and tells a tenant once
 * when its credentials stop working, or work again. It does not keep the process alive.
 *
 * @returns stops it, and waits for what is under way
 */
export function startUpkeep({
  db,
  vault,
  log,
  sdk = {},
  refreshEveryMs = 5 * MINUTE_MS,
  checkEveryMs = 6 * 60 * MINUTE_MS,
}: UpkeepParts): () => Promise<void> {
  const stopped = new AbortController();
  const { signal } = stopped;
  const actor = UPKEEP;
  const notices = new Notices(db);
  const telling = new Set<Promise<void>>();

  const logError = (task: string, error: unknown) => log.error({ task, ...loggable(error) });

  // The process that notices a change gets it, once.
  const tell = (event: unknown) => {
    const told: Promise<void> = notices
      .add(event as HealthEvent)
      .catch((error) => logError('notice', error))
      .finally(() => void telling.delete(told));
    telling.add(told);
  };
  subscribe(HEALTH_CHANNEL, tell);

  /** Runs a task again and again, never twice at a time. */
  async function every(ms: number, task: string, run: () => Promise<{ failedCount: number }>) {
    for (;;) {
      await sleep(ms, undefined, { ref: false, signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        const { failedCount } = await run();
        if (failedCount > 0) log.warn({ task, failedCount }); // their tenants are told
      } catch (error) {
        if (!signal.aborted) logError(task, error);
      }
    }
  }
  const withinMs = refreshEveryMs + 15 * MINUTE_MS; // what would be due before the run after this one
  const pace = { maxPerSecond: CHECKS_PER_SECOND, test: sdk };
  const tasks = [
    every(refreshEveryMs, 'refresh', () => refreshDue(vault, { withinMs, signal, actor })),
    every(checkEveryMs, 'health', () => checkHealth(vault, { ...pace, signal, actor })),
  ];

  return async () => {
    stopped.abort();
    await Promise.all(tasks);
    unsubscribe(HEALTH_CHANNEL, tell);
    await Promise.all(telling);
  };
}
