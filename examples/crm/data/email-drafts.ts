import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { notFound } from '../http/http-error.ts';

export interface EmailDraft {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly state: 'draft' | 'sending' | 'sent';
}

export class EmailDrafts {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async add(tenantId: string, draft: Pick<EmailDraft, 'to' | 'subject' | 'text'>) {
    const added: EmailDraft = { ...draft, id: randomUUID(), state: 'draft' };
    await this.#collection.insertOne({ ...added, tenantId });
    return added;
  }

  list(tenantId: string): Promise<EmailDraft[]> {
    return this.#collection
      .find({ tenantId }, { projection: { _id: 0, tenantId: 0 } })
      .limit(500)
      .toArray();
  }

  /**
   * Sends a draft once: of two clicks, one finds the draft and the other finds nothing. If
   * sending fails, it is a draft again. A process that is killed in between leaves it in
   * `sending`: better not sent than sent twice.
   */
  async sendOnce(
    tenantId: string,
    id: string,
    send: (draft: EmailDraft) => Promise<void>,
  ): Promise<void> {
    const draft = await this.#collection.findOneAndUpdate(
      { tenantId, id, state: 'draft' },
      { $set: { state: 'sending' } },
    );
    if (draft === null) throw notFound('unsent draft');
    let state: EmailDraft['state'] = 'draft';
    try {
      await send(draft);
      state = 'sent';
    } finally {
      await this.#collection.updateOne({ tenantId, id }, { $set: { state } });
    }
  }

  get #collection() {
    return this.#db.collection<EmailDraft & { tenantId: string }>('email_drafts');
  }
}
