import { writeBundledLicenses } from './bundled-licenses.ts';

await writeBundledLicenses('dist');
