/** What `tidegate spool SINK` can be told to do. */
export const SPOOL_ACTIONS = ['list', 'show', 'export', 'retry', 'discard', 'pause', 'resume', 'probe'] as const;
export type SpoolAction = (typeof SPOOL_ACTIONS)[number];
