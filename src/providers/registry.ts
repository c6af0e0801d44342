import { invalidArgument } from '../errors.ts';
import { assertProviderName, describeType } from '../names.ts';
import { builtInProviders } from './built-in.ts';
import { isDefinition, type ProviderDefinition } from './define-provider.ts';
import type { ProviderRef } from './fields.ts';

/**
 * A provider as the vault works with it: a checked name, and its definition if it has one.
 *
 * @internal
 */
export interface ResolvedProvider {
  readonly name: string;
  readonly definition: ProviderDefinition | undefined;
}

/**
 * The definitions of one vault: the built-in ones, and those it was given, which win.
 *
 * @internal
 */
export class ProviderRegistry {
  readonly #definitions: ReadonlyMap<string, ProviderDefinition>;

  /** @throws VaultError `ERR_INVALID_ARGUMENT` */
  constructor(additional: readonly ProviderDefinition[] = []) {
    if (!(Array.isArray(additional) && additional.every(isDefinition))) {
      throw invalidArgument('providers must be an array of definitions made by defineProvider.');
    }
    this.#definitions = new Map(
      [...builtInProviders, ...additional].map((definition) => [definition.name, definition]),
    );
  }

  /** All definitions, built-in ones first. */
  all(): readonly ProviderDefinition[] {
    return [...this.#definitions.values()];
  }

  /** The definition of a provider, if it has one. */
  find(name: string): ProviderDefinition | undefined {
    return this.#definitions.get(name);
  }

  resolve(provider: ProviderRef): ResolvedProvider {
    if (typeof provider === 'string') {
      const definition = this.#definitions.get(provider);
      if (definition === undefined) assertProviderName(provider);
      return { name: provider, definition };
    }
    if (isDefinition(provider)) return { name: provider.name, definition: provider };
    throw invalidArgument(
      `provider must be a name or a definition made by defineProvider, not ${describeType(provider)}.`,
    );
  }
}
