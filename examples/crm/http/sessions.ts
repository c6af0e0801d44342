import { createHash, randomBytes } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { Db } from 'mongodb';
import { HttpError } from './http-error.ts';

// A session, as any backend has one. The vault needs only one thing from it: a tenant id that the server
// chose at login. Nothing in this CRM takes a tenant id from a body, a query or a header.

const LIFETIME_MS = 8 * 60 * 60 * 1000;

/** An `admin` may change and delete credentials, and connect mailboxes. */
export type Role = 'admin' | 'member';

export interface Session {
  readonly tenantId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}

interface StoredSession extends Session {
  /** SHA-256 of the id in the cookie: whoever reads the database cannot log in with it. */
  readonly _id: string;
  readonly expiresAt: Date;
  /** Of a mailbox that the user is connecting, sealed by the vault. */
  readonly transaction?: string;
}

export class Sessions {
  readonly #db: Db;
  readonly #secure: boolean;

  constructor(db: Db, publicUrl: string) {
    this.#db = db;
    this.#secure = publicUrl.startsWith('https:');
  }

  /** A browser takes a `__Host-` cookie only over TLS, from this very host, for all paths. */
  get cookieName(): string {
    return this.#secure ? '__Host-crm-session' : 'crm-session';
  }

  get cookieOptions() {
    return { httpOnly: true, sameSite: 'lax', secure: this.#secure, path: '/' } as const;
  }

  async init(): Promise<void> {
    await this.#collection.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 });
  }

  /** Reads the session of every request into `response.locals.session`. */
  read(): RequestHandler {
    return async (request, response, next) => {
      const id = this.idOf(request);
      const stored = id && (await this.#collection.findOne({ _id: hash(id) }));
      if (stored && stored.expiresAt > new Date()) response.locals.session = stored;
      next();
    };
  }

  /**
   * Logs in. The id is always a new one: an id that somebody planted before is worth nothing.
   *
   * @returns the new id
   */
  async start(request: Request, response: Response, session: Session): Promise<string> {
    await this.end(request, response);
    const id = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + LIFETIME_MS);
    await this.#collection.insertOne({ ...session, _id: hash(id), expiresAt });
    response.cookie(this.cookieName, id, { ...this.cookieOptions, maxAge: LIFETIME_MS });
    request.cookies[this.cookieName] = id;
    return id;
  }

  async end(request: Request, response: Response): Promise<void> {
    const id = this.idOf(request);
    if (id) await this.#collection.deleteOne({ _id: hash(id) });
    delete request.cookies[this.cookieName];
    response.clearCookie(this.cookieName, this.cookieOptions);
  }

  /** Keeps what must come back with this user's browser; it replaces what was kept before. */
  async keepTransaction(request: Request, transaction: string): Promise<void> {
    await this.#collection.updateOne({ _id: hash(this.idOf(request)) }, { $set: { transaction } });
  }

  /** What was kept, once; `''` without it. */
  async takeTransaction(request: Request): Promise<string> {
    const _id = hash(this.idOf(request));
    const before = await this.#collection.findOneAndUpdate(
      { _id },
      { $unset: { transaction: '' } },
    );
    return before?.transaction ?? '';
  }

  /** The id in the cookie, `''` without one. */
  idOf(request: Request): string {
    const id: unknown = request.cookies[this.cookieName];
    return typeof id === 'string' ? id : '';
  }

  get #collection() {
    return this.#db.collection<StoredSession>('sessions');
  }
}

/** Rejects requests without a login. */
export const requireSession: RequestHandler = (_request, response, next) => {
  sessionOf(response);
  next();
};

/**
 * Rejects a page that belongs to somebody else than the session: in another tab of this browser another
 * user has logged in meanwhile. The page says whose it is in the header `x-account`.
 */
export const requireAccount: RequestHandler = (request, response, next) => {
  const shown = request.get('x-account');
  if (shown !== undefined && shown !== encodeURIComponent(sessionOf(response).email)) {
    throw new HttpError(401, 'OTHER_ACCOUNT', 'You are logged in as somebody else by now.');
  }
  next();
};

export const requireAdmin: RequestHandler = (_request, response, next) => {
  if (sessionOf(response).role !== 'admin') {
    throw new HttpError(403, 'ROLE', 'Only an administrator of your account may do this.');
  }
  next();
};

/** The user behind the request. The only source of a tenant id. */
export function sessionOf(response: Response): Session {
  const session: Session | undefined = response.locals.session;
  if (session === undefined) throw new HttpError(401, 'LOGIN', 'Log in first.');
  return session;
}

function hash(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
