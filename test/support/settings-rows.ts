import type { SettingsSource } from 'provider-vault';

type Row = Record<string, unknown>;

/** Settings in memory, with a count of how often they were asked for. */
export function settingsRows(...rows: Row[]): SettingsSource & { rows: Row[]; scans: number } {
  const source: ReturnType<typeof settingsRows> = {
    name: 'rows',
    rows,
    scans: 0,
    async *scan({ batchSize, tenantIds, ids }) {
      source.scans++;
      await Promise.resolve(); // as a source that has to ask somebody
      const wanted = [...source.rows.entries()].filter(
        ([id, row]) =>
          ids?.includes(id) ?? (tenantIds === undefined || tenantIds.includes(String(row.user_id))),
      );
      for (let start = 0; start < wanted.length; start += batchSize) {
        const page = wanted.slice(start, start + batchSize);
        yield page.map(([id, row]) => ({ id, values: { ...row } }));
      }
    },
    async erase(erasures) {
      return erasures.map(({ id, fields }) => {
        const row = source.rows[id as number] as Row;
        const gone = Object.keys(fields).filter((field) => row[field] === fields[field]);
        for (const field of gone) delete row[field];
        return gone;
      });
    },
  };
  return source;
}

/** {@link settingsRows} that tell the place of each row, and go on after one. */
export function placedRows(...rows: Row[]): ReturnType<typeof settingsRows> {
  const source = settingsRows(...rows);
  const { scan } = source;
  source.scan = async function* (query) {
    const after = Number(query.after ?? -1);
    for await (const batch of scan.call(source, query)) {
      const left = batch.filter(({ id }) => (id as number) > after);
      if (left.length > 0) yield left.map((row) => ({ ...row, place: String(row.id) }));
    }
  };
  return source;
}
