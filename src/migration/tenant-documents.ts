import { AsyncCache } from '../core/async-cache.ts';
import { type FoundDocument, type TenantOf, tenantOfDocument } from './plaintext.ts';
import type { SettingsQuery, SettingsSource } from './settings-source.ts';
import { scanSource, userIdOf } from './sources.ts';

/** @internal */
export interface DirectoryOptions {
  /** How long the ids of all tenants' documents are used once they were read. */
  readonly ttlMs: number;
  /** The clock, in milliseconds. */
  readonly now: () => number;
}

/** The ids of each tenant's documents; `undefined` where the source finds them by itself. */
interface Directory {
  readonly ids: ReadonlyMap<string, unknown[]> | undefined;
}

const LOOKUP_BATCH = 100;
const DIRECTORY_BATCH = 1000;

/**
 * Finds the documents of one tenant in a source. If that means reading all documents, they are read
 * at most once per `ttlMs`, whatever the number of tenants: by a webhook's URL, anybody can ask for
 * any number of tenants that do not exist.
 *
 * @internal
 */
export class TenantDocuments {
  readonly #source: SettingsSource;
  readonly #tenantOf: TenantOf;
  readonly #fields: readonly string[];
  readonly #directory: AsyncCache<Directory>;
  #findsTenants: boolean;

  constructor(
    source: SettingsSource,
    tenantOf: TenantOf | undefined,
    fields: readonly string[],
    directory: DirectoryOptions,
  ) {
    this.#source = source;
    this.#tenantOf = tenantOf ?? userIdOf;
    this.#fields = fields;
    this.#directory = new AsyncCache({ max: 1, ...directory });
    this.#findsTenants = tenantOf === undefined; // unless the source says so itself
  }

  async find(tenantId: string): Promise<FoundDocument[]> {
    const { ids: directory } = await this.#directory.get('', () => this.#readDirectory());
    const ids = directory?.get(tenantId);
    if (directory !== undefined && ids === undefined) return [];
    const query = { batchSize: LOOKUP_BATCH, fields: this.#fields, tenantIds: [tenantId] };
    const found: FoundDocument[] = [];
    let all = 0;
    for await (const document of this.#scan({ ...query, ...(ids && { ids }) })) {
      all++;
      if (document.tenant.id === tenantId) found.push(document);
    }
    if (directory === undefined && all > found.length) {
      // The source ignores `tenantIds`.
      this.#findsTenants = false;
      this.#directory.clear();
    }
    return found;
  }

  async #readDirectory(): Promise<Directory> {
    const findsTenants = this.#source.findsTenants?.() ?? this.#findsTenants;
    if (await findsTenants) return { ids: undefined };
    const ids = new Map<string, unknown[]>();
    for await (const { document, tenant } of this.#scan({
      batchSize: DIRECTORY_BATCH,
      fields: [],
    })) {
      if (tenant.id === undefined) continue;
      const own = ids.get(tenant.id);
      if (own) own.push(document.id);
      else ids.set(tenant.id, [document.id]);
    }
    return { ids };
  }

  async *#scan(query: SettingsQuery): AsyncIterable<FoundDocument> {
    const source = this.#source;
    for await (const documents of scanSource(source, query)) {
      for (const document of documents) {
        if (document.problem !== undefined) continue;
        yield { document, source, tenant: tenantOfDocument(document, this.#tenantOf) };
      }
    }
  }
}
