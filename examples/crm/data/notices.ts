import type { Db } from 'mongodb';
import type { HealthEvent } from 'provider-vault';

export type Notice = Pick<HealthEvent, 'tenantId' | 'provider' | 'state' | 'code'> & {
  readonly at: Date;
};

/** What a tenant is told without having asked: that credentials have stopped working, or work again. */
export class Notices {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Here you could write to your customer as well. */
  async add({ tenantId, provider, state, code, checkedAt }: HealthEvent): Promise<void> {
    const notice = {
      tenantId,
      provider,
      state,
      at: checkedAt,
      ...(code !== undefined && { code }),
    };
    await this.#collection.insertOne(notice);
  }

  /** The newest first. */
  list(tenantId: string, limit: number): Promise<Notice[]> {
    return this.#collection
      .find({ tenantId }, { projection: { _id: 0 } })
      .sort({ at: -1 })
      .limit(limit)
      .toArray();
  }

  get #collection() {
    return this.#db.collection<Notice>('notices');
  }
}
