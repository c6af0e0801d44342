import type { AuditSubject } from '../audit/audit-trail.ts';
import { VaultError } from '../errors.ts';
import { infoOf } from '../record/record.ts';
import type { StoreWrite } from '../stores/secret-store.ts';
import { describe } from './sealer.ts';
import type { VaultCore } from './vault-core.ts';

/** One of many writes, and what the audit trail says of it. @internal */
export interface AuditedWrite {
  readonly write: StoreWrite;
  readonly subject: AuditSubject;
}

/**
 * Many writes in as few round trips as the store can; each leaves an event, and is dropped from the
 * cache. In strict mode nothing is written unless the events of all are kept.
 *
 * @returns which of them were done; the others have lost to another writer
 * @internal
 */
export async function putMany(
  { store, records, trail }: Pick<VaultCore, 'store' | 'records' | 'trail'>,
  writes: readonly AuditedWrite[],
): Promise<boolean[]> {
  if (writes.length === 0) return [];
  const announced: Promise<void>[] = [];
  const writing = Promise.resolve().then(async () => {
    await Promise.allSettled(announced); // of all, so that none is told after its opposite
    await Promise.all(announced);
    try {
      return await store.putMany(writes.map(({ write }) => write));
    } finally {
      for (const { tenantId, provider } of writes.map(({ write }) => write.record)) {
        records.invalidate(tenantId, provider);
      }
    }
  });
  const events = writes.map(({ write: { record }, subject }, at) =>
    trail.run(subject, async (entry) => {
      const { rev, keyId } = infoOf(record);
      announced.push(entry.announce({ rev, keyId }));
      if ((await writing)[at]) return;
      throw new VaultError('ERR_CONFLICT', `${describe(record)} was changed by others.`);
    }),
  );
  await Promise.allSettled(events);
  return writing;
}
