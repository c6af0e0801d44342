/**
 * The part of `MailService` of the package `@sendgrid/mail` that the clients of this library have.
 * Written out, because the package's own types are wrong for ES modules; an instance is the official
 * class.
 *
 * @public
 */
export interface SendGridMailService {
  /** Sends one mail, or several of the same kind. */
  send(
    data: SendGridMail | SendGridMail[],
    isMultiple?: boolean,
  ): Promise<[SendGridResponse, unknown]>;
  /** Sends one mail to several recipients, who do not see each other. */
  sendMultiple(data: SendGridMail): Promise<[SendGridResponse, unknown]>;
  /** Milliseconds until a request is given up. */
  setTimeout(timeoutMs: number): void;
  /** What marks substitutions in a text. */
  setSubstitutionWrappers(left: string, right: string): void;
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

/**
 * A mail, as `@sendgrid/mail` takes it.
 *
 * @public
 */
export interface SendGridMail {
  to?: unknown;
  cc?: unknown;
  bcc?: unknown;
  from: unknown;
  replyTo?: unknown;
  subject?: string;
  text?: string;
  html?: string;
  templateId?: string;
  dynamicTemplateData?: Record<string, unknown>;
  attachments?: unknown[];
  categories?: string[];
  customArgs?: Record<string, unknown>;
  headers?: Record<string, string>;
  [more: string]: unknown;
}

/**
 * An answer of SendGrid's API.
 *
 * @public
 */
export interface SendGridResponse {
  statusCode: number;
  body: object;
  headers: object;
}
