// Written out: the package's own types cannot be used from an ES module under nodenext. They are
// structural, so that a SendGridMailService is a `MailService` of `@sendgrid/mail`, and its
// `MailDataRequired` is a SendGridMail.

/**
 * An address, with or without a name.
 *
 * @public
 */
export type SendGridAddress = string | { readonly name?: string; readonly email: string };

/**
 * Addresses, one or several.
 *
 * @public
 */
export type SendGridAddresses = SendGridAddress | readonly SendGridAddress[];

/**
 * A mail, as `send()` of the official SDK takes it. It needs one of `text`, `html`, `content` and
 * `templateId`.
 *
 * @public
 */
export interface SendGridMail {
  to?: SendGridAddresses;
  cc?: SendGridAddresses;
  bcc?: SendGridAddresses;
  from: SendGridAddress;
  replyTo?: SendGridAddress;
  replyToList?: SendGridAddresses;
  subject?: string;
  text?: string;
  html?: string;
  content?: readonly { type: string; value: string }[];
  templateId?: string;
  dynamicTemplateData?: { [name: string]: unknown };
  personalizations?: readonly object[];
  attachments?: readonly {
    content: string;
    filename: string;
    type?: string;
    disposition?: string;
    contentId?: string;
  }[];
  /** Seconds since 1970. */
  sendAt?: number;
  batchId?: string;
  ipPoolName?: string;
  headers?: { [name: string]: string };
  categories?: string[];
  category?: string;
  customArgs?: { [name: string]: unknown };
  asm?: { groupId: number; groupsToDisplay?: number[] };
  mailSettings?: object;
  trackingSettings?: object;
  sections?: { [name: string]: string };
  substitutions?: { [name: string]: string };
  substitutionWrappers?: string[];
  isMultiple?: boolean;
  hideWarnings?: boolean;
}

/**
 * SendGrid's answer.
 *
 * @public
 */
export interface SendGridResponse {
  statusCode: number;
  body: object;
  // biome-ignore lint/suspicious/noExplicitAny: as in the SDK
  headers: any;
}

/**
 * What `send()` calls when it is given a callback.
 *
 * @public
 */
export type SendGridCallback = (
  error: Error,
  // biome-ignore lint/complexity/noBannedTypes: as in the SDK
  result: [SendGridResponse, {}],
) => void;

/**
 * The official `MailService` of `@sendgrid/mail`.
 *
 * @public
 */
export interface SendGridMailService {
  /** Sends one mail, or several at once. */
  send(
    mail: SendGridMail | SendGridMail[],
    isMultiple?: boolean,
    callback?: SendGridCallback,
    // biome-ignore lint/complexity/noBannedTypes: as in the SDK
  ): Promise<[SendGridResponse, {}]>;
  /** Sends one mail to each of its recipients alone. */
  sendMultiple(
    mail: SendGridMail,
    callback?: SendGridCallback,
    // biome-ignore lint/complexity/noBannedTypes: as in the SDK
  ): Promise<[SendGridResponse, {}]>;
  /** Rejected, because callers share the service: use the option `timeoutMs`. */
  setTimeout(milliseconds: number): void;
  /** Rejected, because callers share the service: set `substitutionWrappers` of a mail. */
  setSubstitutionWrappers(left: string, right: string): void;
  /** Rejected, because callers share the service: change the stored key. */
  setApiKey(apiKey: string): void;
  /** Rejected, because callers share the service. */
  setTwilioEmailAuth(username: string, password: string): void;
  /** Rejected, because callers share the service. */
  // biome-ignore lint/suspicious/noExplicitAny: a Client of @sendgrid/client
  setClient(client: any): void;
  /** The client for all other requests. */
  readonly client: SendGridRequestClient;
}

/**
 * The part of `Client` of the package `@sendgrid/client` that this library uses.
 *
 * @public
 */
export interface SendGridRequestClient {
  /** One request to SendGrid's API. */
  request(data: {
    url?: string;
    method?: string;
    qs?: object;
    body?: unknown;
    headers?: object;
  }): Promise<[SendGridResponse, unknown]>;
}
