import { elementStrings, type ProviderSettings } from 'provider-vault/settings/element';

const made = document.createElement('provider-settings');
const found: ProviderSettings | null = document.querySelector('provider-settings');
made.src = '/api/provider-settings';
made.strings = { save: 'Speichern', 'capability.sms': elementStrings['capability.sms'] };
made.headers = async () => ({ 'x-csrf-token': 'x' });
// @ts-expect-error: no such word
made.strings = { sav: 'x' };
// @ts-expect-error: a header is text
made.headers = { 'x-csrf-token': 5 };
export const isDirty = found?.dirty ?? made.dirty;
