import type { ScanRange } from 'provider-vault';

export * from './common.ts';

export declare const queue: AsyncIterable<ScanRange> & { add(ranges: ScanRange[]): Promise<void> };
