const LINUX = 'wire/07; Linux drivers/hv/hv_balloon.c'

/** What a driver owes its host. */
export const BALLOON_GUEST = {
  'guest-balloon-message': ['Messages are those of a guest, with a size that fits type and packet.', 'wire/07 §1'],
  'guest-balloon-numbers': ['Messages are numbered one after the other.', 'wire/07 §1'],
  'guest-balloon-versions': [
    'Versions are asked for from the newest down, none after the last attempt or after one was accepted.',
    'wire/07 §2',
  ],
  'guest-balloon-order': ['Capabilities follow the version, once; everything else follows them.', 'wire/07 §2'],
  'guest-balloon-capabilities': ['The guest declares that it can give memory up.', 'wire/07 §1, §2'],
  'guest-balloon-reports': [
    'A report of pressure comes within 60 s of the capabilities, and within 10 s of the one before.',
    'wire/07 §2; Linux drivers/hv/hv_balloon.c, pressure_report_delay',
  ],
  'guest-balloon-pace': ['There is at most one report in a second.', LINUX],
  'guest-balloon-values': ['A report counts pages.', 'wire/07 §3'],
  'guest-balloon-asked': ['Each answer is to a request that is under way.', 'wire/07 §4, §5, §6'],
  'guest-balloon-answers': ['Each request is answered to its end within 40 s.', 'wire/07 §4, §5, §6'],
  'guest-balloon-ranges': ['An answer holds as many ranges as it counts.', 'wire/07 §4'],
  'guest-balloon-once': ['No page is given up twice.', 'wire/07 §4'],
  'guest-balloon-most': ['No more pages are given up than were asked for.', 'wire/07 §4'],
  'guest-balloon-added': ['No more pages are added than were offered; some are a success.', 'wire/07 §6'],
} as const

/** What a host owes its driver. */
export const BALLOON_HOST = {
  'host-balloon-message': ['Messages are those of a host, with a size that fits type and packet.', 'wire/07 §1'],
  'host-balloon-version': ['Each version is answered within 5 s.', LINUX],
  'host-balloon-capabilities': ['Capabilities are answered within 5 s.', LINUX],
  'host-balloon-order': ['Nothing is asked before the capabilities were accepted.', 'wire/07 §2'],
  'host-balloon-one': ['One request is under way at a time.', 'wire/07 §4'],
  'host-balloon-pages': ['A request asks for pages.', 'wire/07 §4'],
  'host-balloon-ranges': [
    'Memory comes back in as many ranges as are counted, and all that is announced.',
    'wire/07 §5',
  ],
  'host-balloon-returns': ['Only pages come back that were given up.', 'wire/07 §5'],
  'host-balloon-region': [
    'Memory that is added lies in its region, which is whole blocks of the declared alignment.',
    'wire/07 §6',
  ],
} as const
