export { getMailTransport } from './transport.ts';
export type { Mail, MailResult, MailTransport, MailTransportOptions } from './types.ts';
