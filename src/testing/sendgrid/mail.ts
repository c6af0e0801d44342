/**
 * A mail that the stand-in accepted.
 *
 * @public
 */
export interface FakeSendGridMail {
  /** The value of the answer's `x-message-id` header. */
  readonly messageId: string;
  /** `credentialFingerprint()` of the API key that sent it. */
  readonly credential: string;
  /** The sender's address. */
  readonly from: string;
  /** The recipients' addresses: to, cc and bcc of every personalization, in order. */
  readonly to: readonly string[];
  /** The subject: the first personalization's own, else the mail's, else `''`. */
  readonly subject: string;
  /** The `text/plain` content, `''` without one. */
  readonly text: string;
  /** The `text/html` content, `''` without one. */
  readonly html: string;
  /** The template's id, `''` without one. */
  readonly templateId: string;
}

/** The fields of a mail that the stand-in reads. @internal */
export interface MailBody {
  readonly personalizations: readonly {
    readonly to: readonly Address[];
    readonly cc?: readonly Address[];
    readonly bcc?: readonly Address[];
    readonly subject?: string;
  }[];
  readonly from: Address;
  readonly subject?: string;
  readonly content?: readonly { readonly type: string; readonly value: string }[];
  readonly template_id?: string;
}

interface Address {
  readonly email: string;
}

/** Whether a body has a sender and recipients, without which there is no mail. @internal */
export function isMail(body: unknown): body is MailBody {
  const { personalizations, from } = (body ?? {}) as Partial<MailBody>;
  return (
    typeof from?.email === 'string' &&
    Array.isArray(personalizations) &&
    personalizations.length > 0 &&
    personalizations.every((one) => Array.isArray(one?.to) && one.to.length > 0)
  );
}

/** What the stand-in shows of a mail. @internal */
export function describeMail(body: MailBody): Omit<FakeSendGridMail, 'messageId' | 'credential'> {
  const { personalizations, from, subject = '', content = [], template_id: templateId = '' } = body;
  const value = (type: string) => content.find((part) => part.type === type)?.value ?? '';
  return {
    from: from.email,
    to: personalizations
      .flatMap(({ to, cc = [], bcc = [] }) => [...to, ...cc, ...bcc])
      .map(({ email }) => email),
    subject: personalizations[0]?.subject ?? subject,
    text: value('text/plain'),
    html: value('text/html'),
    templateId,
  };
}
