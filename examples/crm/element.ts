import { build } from 'esbuild';
import type { RequestHandler } from 'express';

/**
 * `<provider-settings>` as one file for the browser. An application with a bundler of its own imports
 * `provider-vault/settings/element` there, or serves the package's `dist/settings/element.js`.
 */
export async function elementScript(): Promise<RequestHandler> {
  const { outputFiles } = await build({
    entryPoints: ['provider-vault/settings/element'],
    absWorkingDir: import.meta.dirname,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const script = outputFiles[0]?.text;
  return (_request, response) => {
    response.type('text/javascript').send(script);
  };
}
