/** Who this process is, as far as ownership goes. */
export interface Identity {
  /** May change owners (root, or CAP_CHOWN is all but certain). */
  readonly privileged: boolean;
  readonly uid: number;
  /** The groups it may give to what it owns. */
  readonly groups: ReadonlySet<number>;
}
