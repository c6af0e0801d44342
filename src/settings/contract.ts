// The settings contract: JSON over HTTP, version 1. These types are shared by the handler and by the
// element, and need neither Node nor a browser.

/**
 * The answer to `GET /`.
 *
 * @public
 */
export interface SettingsOverview {
  /** The version of the contract. */
  readonly version: 1;
  readonly providers: readonly ProviderView[];
  /** What was done with the credentials, newest first; empty without the option `activity`. */
  readonly activity: readonly ActivityEntry[];
  /** What the user may do: an element shows the buttons for it. The handler checks every request. */
  readonly may: Permissions;
  /**
   * Stands for the tenant. A page sends it back in the header `settings-account`: after a login to
   * another account in another tab, what was typed for this one is refused with 409.
   */
  readonly account: string;
}

/** The header that names the account a page was made for. @internal */
export type AccountHeader = 'settings-account';

/**
 * What a user may do with the credentials of a tenant.
 *
 * @public
 */
export interface Permissions {
  readonly read: boolean;
  readonly write: boolean;
  readonly test: boolean;
  readonly remove: boolean;
}

/**
 * A provider as a settings page shows it. It holds no secret.
 *
 * @public
 */
export interface ProviderView {
  readonly name: string;
  readonly label: string;
  /** As `ProviderStatus.state`. */
  readonly state: 'configured' | 'incomplete' | 'missing' | 'unreadable' | 'overridden';
  /** The fields without which nothing works. */
  readonly missing: readonly string[];
  /** What the stored fields make possible: `{ sms: true, calls: false }`. */
  readonly ready: Readonly<Record<string, boolean>>;
  /** The fields that each of them needs beside the credentials. */
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  /** The ways to connect, a recommended one first. */
  readonly methods: readonly MethodView[];
  readonly fields: readonly FieldView[];
  /** For the condition of the next save; `null` where nothing is stored. */
  readonly etag: string | null;
  /** Whether `POST /:provider/test` knows how to try it. */
  readonly testable: boolean;
  /** Addresses to enter at the provider. */
  readonly webhooks: readonly WebhookView[];
  readonly keyId?: string;
  readonly health?: HealthView;
  /** ISO 8601. */
  readonly updatedAt?: string;
  readonly updatedBy?: string;
  /** The code of the error behind the state. */
  readonly reason?: string;
}

/**
 * One way to connect.
 *
 * @public
 */
export interface MethodView {
  readonly id: string;
  readonly label: string;
  readonly fields: readonly string[];
  readonly recommended?: boolean;
}

/**
 * One field.
 *
 * @public
 */
export interface FieldView {
  readonly name: string;
  readonly label: string;
  readonly secret: boolean;
  /** Whether it has a value. */
  readonly set: boolean;
  /** The value; of a secret, its mask. Absent without a value. */
  readonly masked?: string;
  /** Where a user finds the value. */
  readonly help?: string;
  /** What a value looks like. */
  readonly example?: string;
  /** The source of a regular expression that a value must match, with its flags. */
  readonly pattern?: string;
  readonly patternFlags?: string;
  /** Whether the secrets are sent to it: who changes it must enter them again. */
  readonly destination?: boolean;
}

/**
 * An address that a user enters at the provider.
 *
 * @public
 */
export interface WebhookView {
  readonly label: string;
  readonly url: string;
}

/**
 * Whether the credentials work, as far as is known. Times are ISO 8601.
 *
 * @public
 */
export interface HealthView {
  readonly state: 'ok' | 'failing' | 'expiring' | 'needs_reauthorization';
  readonly since?: string;
  readonly checkedAt?: string;
  readonly code?: string;
  /** What is wrong, in a sentence for the user. */
  readonly message?: string;
}

/**
 * One line of what was done, or many equal ones of a day.
 *
 * @public
 */
export interface ActivityEntry {
  /** The newest of them, ISO 8601. */
  readonly at: string;
  readonly provider: string;
  readonly action: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  /** How many. */
  readonly count: number;
  /** Labels of the fields that were changed. */
  readonly fields: readonly string[];
  /** Who did it; absent where several did. */
  readonly actor?: string;
  /** A sentence for the user: `Twilio: used 12 times today`. */
  readonly message: string;
}

/**
 * The body of `PATCH /:provider`: a string sets, `null` removes, and a field stays that is absent,
 * empty, or equal to the value or mask shown.
 *
 * @public
 */
export interface SaveRequest {
  readonly fields: Readonly<Record<string, string | null>>;
}

/**
 * The body of `POST /:provider/test`. Without `fields` the stored credentials are tested.
 *
 * @public
 */
export interface TestRequest {
  readonly fields?: Readonly<Record<string, string | null>>;
}

/**
 * The answer to `POST /:provider/test`.
 *
 * @public
 */
export interface TestResult {
  readonly ok: boolean;
  /** As `ConnectionResult.code`. */
  readonly code?: string;
  /** A sentence for the user. */
  readonly message: string;
  /** What is wrong with the form that was to be tested, by field. */
  readonly errors?: Readonly<Record<string, string>>;
}

/**
 * The body of every answer of 400 and above.
 *
 * @public
 */
export interface SettingsFailure {
  readonly error: { readonly code: string; readonly message: string };
  /** 422: what is wrong, by field. */
  readonly errors?: Readonly<Record<string, string>>;
  /** 412: the provider as it is now. */
  readonly current?: ProviderView;
}
