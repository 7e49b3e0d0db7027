import { readFileSync } from 'node:fs';

/** Version of the package: its manifest is one folder up from source, two from the published build. */
export function version(): string {
  const candidates = ['../../package.json', '../../../package.json'];
  for (const path of candidates) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name?: string; version?: string };
      if (manifest.name === 'tidegate' && manifest.version) return manifest.version;
    } catch {
      // Not at this depth: the next one is.
    }
  }
  return '0.0.0';
}
