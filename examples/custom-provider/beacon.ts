import { type ClientOptions, defineClientFactory, defineProvider } from 'provider-vault';

// A provider that the package does not know, in two steps: what its credentials are, and how to
// make a client from them. "Beacon" is a made-up push service; put your own in its place.

/** One definition gives types, checks on write, masks, `status`, and the override by environment. */
export const beaconProvider = defineProvider({
  name: 'beacon',
  fields: {
    workspace: { label: 'Workspace', secret: false, env: 'BEACON_WORKSPACE', pattern: /^[a-z-]+$/ },
    apiToken: {
      label: 'API token',
      secret: true,
      env: 'BEACON_API_TOKEN',
      pattern: /^bcn_\w{16,}$/,
      example: '"bcn_" and 16 letters or digits',
    },
  },
  complete: [['workspace', 'apiToken']],
});

/** The SDK: here a class of our own over fetch. */
export class BeaconClient {
  readonly #baseUrl: string;
  readonly #workspace: string;
  readonly #apiToken: string; // private by #: an inspected or serialised client shows nothing

  constructor(baseUrl: string, workspace: string, apiToken: string) {
    this.#baseUrl = baseUrl;
    this.#workspace = workspace;
    this.#apiToken = apiToken;
  }

  async push(text: string): Promise<{ readonly id: string }> {
    const response = await fetch(`${this.#baseUrl}/v1/${this.#workspace}/pushes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#apiToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    });
    // The status and nothing of the request: errors are logged.
    if (!response.ok) throw new Error(`Beacon answered ${response.status}`);
    return (await response.json()) as { id: string };
  }
}

interface BeaconOptions extends ClientOptions {
  readonly baseUrl: string;
}

/** `await getBeaconClient(vault, { tenantId, baseUrl })`: cached until the credentials change. */
export const getBeaconClient = defineClientFactory(
  beaconProvider,
  // Both are there: the factory asks for a complete set, or throws ERR_NOT_CONFIGURED.
  ({ fields: { workspace = '', apiToken = '' } }, { baseUrl }: BeaconOptions) =>
    new BeaconClient(baseUrl, workspace, apiToken),
);
