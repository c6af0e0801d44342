import { invalidArgument } from '../errors.ts';
import { describeType } from '../names.ts';
import type { ProviderDefinition } from './define-provider.ts';

/** Where the value of a flat key lives. @internal */
export interface FieldAddress {
  readonly provider: string;
  readonly field: string;
}

const CUSTOM = 'custom';

/**
 * The flat keys of the old system [L6], and where their values live:
 *
 * - the `settingsKey` of a field's definition (`twilio_auth_token`);
 * - `provider.field` for every field, including those without a `settingsKey` (`twilio.region`):
 *   field names hold no dot, so this is unambiguous;
 * - any other key: the provider `custom`, under its own name.
 *
 * @internal
 */
export class FlatKeys {
  readonly #addresses = new Map<string, FieldAddress>();
  readonly #keys = new Map<string, string>();

  constructor(definitions: readonly ProviderDefinition[]) {
    for (const { name, fields } of definitions) {
      for (const [field, { settingsKey }] of Object.entries(fields)) {
        if (settingsKey !== undefined) this.#add(settingsKey, { provider: name, field });
      }
    }
  }

  /** @throws VaultError `ERR_INVALID_ARGUMENT` for anything but a string */
  locate(key: unknown): FieldAddress {
    if (typeof key !== 'string') {
      throw invalidArgument(`A key must be a string, not ${describeType(key)}.`);
    }
    const address = this.#addresses.get(key);
    if (address !== undefined) return address;
    const dot = key.lastIndexOf('.');
    if (dot === -1) return { provider: CUSTOM, field: key };
    return { provider: key.slice(0, dot), field: key.slice(dot + 1) };
  }

  flatKey({ provider, field }: FieldAddress): string {
    const key = this.#keys.get(`${provider}.${field}`);
    if (key !== undefined) return key;
    // A field of "custom" whose name is another field's flat key must not be taken for that one.
    const hasOwnName = provider === CUSTOM && !this.#addresses.has(field);
    return hasOwnName ? field : `${provider}.${field}`;
  }

  #add(key: string, address: FieldAddress): void {
    const other = this.#addresses.get(key);
    if (other !== undefined) {
      throw invalidArgument(
        `The settingsKey "${key}" belongs to two fields: ${other.provider}.${other.field} and ${address.provider}.${address.field}.`,
      );
    }
    this.#addresses.set(key, address);
    this.#keys.set(`${address.provider}.${address.field}`, key);
  }
}
