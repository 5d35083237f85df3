import type { OwnName } from '@vmbus/report'

/** Words with dots between them. */
const FORM = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/

/** Whether a name is of a user's own, such as `toy.echo`: none of ours has a dot. */
export const isOwnName = (name: unknown): name is OwnName => typeof name === 'string' && FORM.test(name)
