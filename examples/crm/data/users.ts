import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { type Db, MongoServerError } from 'mongodb';
import type { Role, Session } from '../http/sessions.ts';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const HASH_BYTES = 32;

interface User {
  /** The e-mail address in lower case. */
  readonly _id: string;
  readonly name: string;
  readonly tenantId: string;
  readonly role?: Role;
  readonly salt: string;
  readonly passwordHash: string;
}

/** Somebody who may log in for one tenant. */
export class Users {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async add(email: string, password: string, { name, tenantId, role }: Omit<Session, 'email'>) {
    const salt = randomBytes(16);
    const passwordHash = (await derive(password, salt, HASH_BYTES)).toString('base64');
    const _id = email.toLowerCase();
    const user = { _id, name, tenantId, role, salt: salt.toString('base64'), passwordHash };
    await this.#collection.insertOne(user).catch((error) => {
      const isThere = error instanceof MongoServerError && error.code === 11000;
      throw isThere ? new Error(`${_id} has an account already.`) : error;
    });
  }

  /** Who this is; `undefined` when e-mail or password are wrong, after the same time for both. */
  async authenticate(email: string, password: string): Promise<Session | undefined> {
    const user = await this.#collection.findOne({ _id: email.toLowerCase() });
    const salt = user ? Buffer.from(user.salt, 'base64') : Buffer.alloc(16);
    const expected = user ? Buffer.from(user.passwordHash, 'base64') : Buffer.alloc(HASH_BYTES);
    const isRight = timingSafeEqual(await derive(password, salt, HASH_BYTES), expected);
    if (!user || !isRight) return undefined;
    const { _id, name, tenantId, role = 'member' } = user; // one from before there were roles
    return { email: _id, name, tenantId, role };
  }

  get #collection() {
    return this.#db.collection<User>('users');
  }
}
