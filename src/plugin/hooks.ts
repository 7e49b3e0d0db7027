/** A plugin's `import … from 'tidegate/sensor'` is this very package, wherever the plugin's folder is; `zod` is ours where it has none of its own. */
import { registerHooks } from 'node:module';
import { extname } from 'node:path';

/** What of the package a program may import, as package.json has it: names below `tidegate` and files beside the folder of this one. */
const EXPORTS: Readonly<Record<string, string>> = {
  tidegate: '../index',
  'tidegate/consumer': '../consumer',
  'tidegate/sensor': '../authors/sensor',
  'tidegate/sink': '../authors/sink',
  'tidegate/testing': '../authors/testing',
};

/** From now on, for this thread. */
export function lendPackages(): void {
  const extension = extname(import.meta.filename);
  registerHooks({
    resolve(specifier, context, next) {
      const own = Object.hasOwn(EXPORTS, specifier) ? EXPORTS[specifier] : undefined;
      if (own !== undefined) return { url: new URL(`${own}${extension}`, import.meta.url).href, shortCircuit: true };
      if (specifier !== 'zod') return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return { url: import.meta.resolve('zod'), shortCircuit: true };
      }
    },
  });
}
