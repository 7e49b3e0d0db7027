/** Checks located values against schemas, trying the other reading of a value from a variable where the option wants it. */
import * as z from 'zod';
import { phrase, type Subject, tellIssues } from './issues.ts';
import { type Container, memberAt, type Path, slotOf } from './located.ts';
import type { Findings } from './mistake.ts';

/** The parsed value, or undefined when it is wrong, which is told. Repairs change the value in place. */
export function check<S extends z.ZodType>(
  subject: Subject & { readonly schema: S },
  findings: Findings,
): z.output<S> | undefined {
  const { schema, value } = subject;
  for (;;) {
    const result = schema.safeParse(value, { error: phrase });
    if (result.success) return result.data;
    // Each repair uses up one slot or one empty value, so that this ends.
    if (repair(value, result.error.issues)) continue;
    tellIssues(result.error.issues, subject, findings);
    return undefined;
  }
}

/** Mends what can be mended of the issues; returns whether anything was. */
function repair(root: Container, issues: readonly z.core.$ZodIssue[]): boolean {
  let mended = false;
  for (const { path, wants } of issues.flatMap((issue) => pathsOf(issue, []))) {
    const member = memberAt(root, path);
    if (!member) continue;
    const container = member.container as Record<PropertyKey, unknown>;
    const slot = slotOf(container, member.key);
    if (slot?.other !== undefined && slot.other !== container[member.key]) {
      container[member.key] = slot.other;
      delete slot.other;
      mended = true;
    } else if (container[member.key] === null && (wants === 'object' || wants === 'record')) {
      // `queue:` with every line below it commented out.
      container[member.key] = {};
      mended = true;
    }
  }
  return mended;
}

function pathsOf(issue: z.core.$ZodIssue, base: Path): { path: Path; wants: string | undefined }[] {
  const path = [...base, ...issue.path];
  const own = { path, wants: issue.code === 'invalid_type' ? issue.expected : undefined };
  if (issue.code !== 'invalid_union') return [own];
  return [own, ...issue.errors.flat().flatMap((inner) => pathsOf(inner, path))];
}
