import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Db } from 'mongodb';
import type { Session } from '../http/sessions.ts';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const HASH_BYTES = 32;

interface User {
  /** The e-mail address in lower case. */
  readonly _id: string;
  readonly name: string;
  readonly tenantId: string;
  readonly salt: string;
  readonly passwordHash: string;
}

/** Somebody who may log in for one tenant. */
export class Users {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async add(email: string, password: string, { name, tenantId }: Omit<Session, 'email'>) {
    const salt = randomBytes(16);
    const passwordHash = (await derive(password, salt, HASH_BYTES)).toString('base64');
    const _id = email.toLowerCase();
    await this.#collection.replaceOne(
      { _id },
      { name, tenantId, salt: salt.toString('base64'), passwordHash },
      { upsert: true },
    );
  }

  /** Who this is; `undefined` when e-mail or password are wrong, after the same time for both. */
  async authenticate(email: string, password: string): Promise<Session | undefined> {
    const user = await this.#collection.findOne({ _id: email.toLowerCase() });
    const salt = user ? Buffer.from(user.salt, 'base64') : Buffer.alloc(16);
    const expected = user ? Buffer.from(user.passwordHash, 'base64') : Buffer.alloc(HASH_BYTES);
    const isRight = timingSafeEqual(await derive(password, salt, HASH_BYTES), expected);
    if (!user || !isRight) return undefined;
    return { email: user._id, name: user.name, tenantId: user.tenantId };
  }

  get #collection() {
    return this.#db.collection<User>('users');
  }
}
