import type { Db } from 'mongodb';
import { HttpError } from '../http/http-error.ts';
import { objectOf } from '../http/input.ts';

// Settings of a tenant that are not credentials. It stays in the collection `settings` of the old CRM,
// in the same documents; the credentials that were beside it are in the vault alone.

const LABELS = { company_name: 'Company', email_signature: 'E-mail signature' } as const;
const MAX_LENGTH = 500;

type Name = keyof typeof LABELS;
export type Settings = { readonly [N in Name]: string };

export class SettingsDocuments {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** These settings and nothing else of the document: it may still hold credentials. */
  async read(tenantId: string): Promise<Settings> {
    const names = Object.keys(LABELS) as Name[];
    const projection = Object.fromEntries(names.map((name) => [name, 1]));
    const found = await this.#collection.findOne({ user_id: tenantId }, { projection });
    const entries = names.map((name) => [name, String(found?.[name] ?? '')]);
    return Object.fromEntries(entries) as Settings;
  }

  /** Sets what is named in `changes` and known here. */
  async update(tenantId: string, changes: unknown): Promise<void> {
    const entries = Object.entries(objectOf(changes)).map(([name, value]) => {
      if (!Object.hasOwn(LABELS, name)) throw invalid(name, 'There is no such setting.');
      if (typeof value !== 'string') throw invalid(name, 'This must be text.');
      if (value.length > MAX_LENGTH) throw invalid(name, `At most ${MAX_LENGTH} characters.`);
      return [name, value.trim()];
    });
    if (entries.length === 0) return;
    await this.#collection.updateOne(
      { user_id: tenantId },
      { $set: Object.fromEntries(entries) },
      { upsert: true },
    );
  }

  get #collection() {
    return this.#db.collection<Partial<Settings> & { user_id: string }>('settings');
  }
}

function invalid(name: string, message: string): HttpError {
  return new HttpError(400, 'INVALID', `${name}: ${message}`, { [name]: message });
}
