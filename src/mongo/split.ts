import type { SecretRef } from '../record.ts';
import { assertParts, rangesBetween, type ScanRange } from '../stores/secret-store.ts';
import type { MongoRun } from './run.ts';
import { ADDRESS_KEYS, isAddress, rangeFilter } from './writes.ts';

/**
 * About equal ranges of the records that `countAll` counts. Each query begins where the one before has ended, so that all
 * of them together go once through the index.
 *
 * @internal
 */
export async function splitRecords(
  run: MongoRun,
  parts: number,
  countAll: () => Promise<number>,
): Promise<ScanRange[]> {
  assertParts(parts);
  const count = await countAll();
  const ranges = Math.min(parts, count);
  const ends: SecretRef[] = [];
  let passed = 0;
  for (let range = 1; range < ranges; range++) {
    const after = ends.at(-1);
    const position = Math.round((range * count) / ranges);
    const found = await run('split', (collection, { read }) =>
      collection.findOne(rangeFilter(after ? { after } : {}), {
        ...read,
        sort: ADDRESS_KEYS,
        projection: { ...ADDRESS_KEYS, _id: 0 },
        skip: position - passed - 1,
      }),
    );
    if (found === null) break; // records were deleted meanwhile
    if (!isAddress(found as SecretRef)) continue;
    ends.push(found as SecretRef);
    passed = position;
  }
  return rangesBetween(ends);
}
