import type { SettingsSource } from 'provider-vault';

type Row = Record<string, unknown>;

/** Settings in memory, with a count of how often they were asked for. */
export function settingsRows(...rows: Row[]): SettingsSource & { rows: Row[]; scans: number } {
  const source: ReturnType<typeof settingsRows> = {
    name: 'rows',
    rows,
    scans: 0,
    async *scan({ batchSize, tenantIds }) {
      source.scans++;
      await Promise.resolve(); // as a source that has to ask somebody
      const wanted = [...source.rows.entries()].filter(
        ([, row]) => tenantIds === undefined || tenantIds.includes(String(row.user_id)),
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
