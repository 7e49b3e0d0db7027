/** The cells of the rows of a process or a group: what it is called by, and in most of them one more. Made once, for every sample. */
export class RowCells {
  readonly identity: readonly string[];
  readonly user: readonly string[];
  readonly system: readonly string[];
  readonly minor: readonly string[];
  readonly major: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly voluntary: readonly string[];
  readonly involuntary: readonly string[];

  constructor(identity: readonly string[]) {
    this.identity = identity;
    this.user = [...identity, 'user'];
    this.system = [...identity, 'system'];
    this.minor = [...identity, 'minor'];
    this.major = [...identity, 'major'];
    this.read = [...identity, 'read'];
    this.write = [...identity, 'write'];
    this.voluntary = [...identity, 'voluntary'];
    this.involuntary = [...identity, 'involuntary'];
  }
}
