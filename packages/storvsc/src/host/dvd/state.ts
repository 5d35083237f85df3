/** What a drive remembers, as plain data. */
export interface DvdState {
  readonly v: 1
  /** A medium is in the tray. The tray of a drive with a medium counts as closed. */
  present: boolean
  trayOpen: boolean
  /** PREVENT ALLOW MEDIUM REMOVAL. */
  prevented: boolean
  /** News of the medium that GET EVENT STATUS has not told yet. */
  event: 'none' | 'inserted' | 'removed' | 'changed' | 'eject-asked'
  /** A medium was put in, of which no unit attention has told yet. */
  changed: boolean
  sense: { readonly key: number; readonly asc: number } | null
}

export const drive = (present: boolean): DvdState => ({
  v: 1,
  present,
  trayOpen: false,
  prevented: false,
  event: 'none',
  changed: false,
  sense: null,
})
