import { randomUUID } from 'node:crypto';
import type { Db, Filter } from 'mongodb';
import { isVaultError } from 'provider-vault';
import { HttpError, notFound } from '../http/http-error.ts';

/**
 * `unclear`: nobody knows whether it was sent, because the provider has not answered, or the process
 * was killed. Only its owner can decide whether it is sent again.
 */
type DraftState = 'draft' | 'sending' | 'unclear';

export interface EmailDraft {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly state: DraftState;
  /** When sending has begun. */
  readonly since?: Date;
}

type StoredDraft = EmailDraft & { readonly tenantId: string };

/** After that, nobody is sending any more. */
const LONGEST_SEND_MS = 5 * 60_000;

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

  async list(tenantId: string): Promise<EmailDraft[]> {
    const states: DraftState[] = ['draft', 'sending', 'unclear'];
    const found = await this.#collection
      .find({ tenantId, state: { $in: states } }, { projection: { _id: 0, tenantId: 0 } })
      .limit(500)
      .toArray();
    const isOver = ({ state, since = new Date(0) }: EmailDraft) =>
      state === 'sending' && since < longAgo();
    return found.map((draft) => (isOver(draft) ? { ...draft, state: 'unclear' } : draft));
  }

  async remove(tenantId: string, id: string): Promise<void> {
    const { deletedCount } = await this.#collection.deleteOne({ tenantId, id, ...notBeingSent() });
    if (deletedCount === 0) throw notFound('unsent draft');
  }

  /**
   * Sends a draft once: of two clicks, one finds the draft and the other finds nothing. A draft that was
   * sent is gone. It is a draft again only if the provider has refused it.
   *
   * @param again - send it even if it may have been sent already
   */
  async sendOnce(
    tenantId: string,
    id: string,
    again: boolean,
    send: (draft: EmailDraft) => Promise<void>,
  ): Promise<void> {
    const sendable = again ? notBeingSent() : ({ state: 'draft' } as const);
    const draft = await this.#collection.findOneAndUpdate(
      { tenantId, id, ...sendable },
      { $set: { state: 'sending', since: new Date() } },
    );
    if (draft === null) throw notFound('unsent draft');
    try {
      await send(draft);
    } catch (error) {
      const state = wasRefused(error) ? 'draft' : 'unclear';
      await this.#collection.updateOne({ tenantId, id }, { $set: { state } });
      throw error;
    }
    await this.#collection.deleteOne({ tenantId, id });
  }

  get #collection() {
    return this.#db.collection<StoredDraft>('email_drafts');
  }
}

const longAgo = () => new Date(Date.now() - LONGEST_SEND_MS);

function notBeingSent(): Filter<StoredDraft> {
  return {
    $or: [
      { state: { $in: ['draft', 'unclear'] } },
      { state: 'sending', since: { $lt: longAgo() } },
    ],
  };
}

const NEVER_REACHED: readonly unknown[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];

/** Whether it is certain that nothing was sent: there was no request, or the provider said no. */
function wasRefused(error: unknown): boolean {
  if (isVaultError(error, 'ERR_PROVIDER')) {
    const { status, providerCode } = error;
    // A 5xx may come from a gateway that has passed the request on.
    return status === undefined ? NEVER_REACHED.includes(providerCode) : status < 500;
  }
  return error instanceof HttpError || isVaultError(error);
}
