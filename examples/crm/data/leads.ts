import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { notFound } from '../http/http-error.ts';

export interface Lead {
  readonly id: string;
  readonly name: string;
  readonly phone: string;
  readonly email: string;
  readonly notes?: string[];
}

/** Every query names the tenant: the id of another tenant's lead finds nothing. */
export class Leads {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async add(tenantId: string, lead: Omit<Lead, 'id'>): Promise<Lead> {
    const added = { id: randomUUID(), name: lead.name, phone: lead.phone, email: lead.email };
    await this.#collection.insertOne({ ...added, tenantId, createdAt: new Date() });
    return added;
  }

  list(tenantId: string): Promise<Lead[]> {
    return this.#collection
      .find({ tenantId }, { projection: { _id: 0, tenantId: 0, createdAt: 0 } })
      .sort({ name: 1 })
      .limit(500)
      .toArray();
  }

  async require(tenantId: string, id: string): Promise<Lead> {
    const lead = await this.#collection.findOne({ tenantId, id });
    if (lead === null) throw notFound('lead');
    return lead;
  }

  async hasPhone(tenantId: string, phone: string): Promise<boolean> {
    return (await this.#collection.findOne({ tenantId, phone })) !== null;
  }

  /** Adds a note to the tenant's lead of that number or address, if there is one. */
  async note(
    tenantId: string,
    { phone, email }: { readonly phone?: unknown; readonly email?: unknown },
    text: string,
  ): Promise<void> {
    const [name, value] = phone === undefined ? ['email', email] : ['phone', phone];
    if (typeof value !== 'string') return; // it came from HTTP
    await this.#collection.updateOne(
      { tenantId, [String(name)]: value },
      { $push: { notes: text } },
    );
  }

  get #collection() {
    return this.#db.collection<Lead & { tenantId: string; createdAt: Date }>('leads');
  }
}
