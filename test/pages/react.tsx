import 'provider-vault/settings/element';
import type { ProviderSettings, ProviderView } from 'provider-vault/settings/element';
import { type DetailedHTMLProps, type HTMLAttributes, useEffect, useRef } from 'react';

type SettingsAttributes = HTMLAttributes<ProviderSettings> &
  Pick<Partial<ProviderSettings>, 'headers' | 'strings'> & {
    readonly src: string;
    readonly theme?: 'light' | 'dark';
  };

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'provider-settings': DetailedHTMLProps<SettingsAttributes, ProviderSettings>;
    }
  }
}

/** React 19 sets the properties of a custom element, as here `headers`. */
export function SettingsPage({ csrfToken }: { readonly csrfToken: string }) {
  const settings = useRef<ProviderSettings>(null);
  useEffect(() => {
    const saved = (event: Event) => {
      const { provider } = (event as CustomEvent<{ provider: ProviderView }>).detail;
      document.title = provider.label;
    };
    const element = settings.current;
    element?.addEventListener('provider-saved', saved);
    return () => element?.removeEventListener('provider-saved', saved);
  }, []);
  return (
    <provider-settings
      ref={settings}
      src="/api/provider-settings"
      theme="dark"
      headers={{ 'x-csrf-token': csrfToken }}
      strings={{ save: 'Speichern' }}
    />
  );
}

// @ts-expect-error: no such theme
export const wrongTheme = <provider-settings src="/api" theme="blue" />;
// @ts-expect-error: no such word
export const wrongWord = <provider-settings src="/api" strings={{ sav: 'x' }} />;
