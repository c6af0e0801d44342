export { sendgridProvider } from './providers/sendgrid.ts';
