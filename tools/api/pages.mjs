// Writes the pages of the interface, docs/api, from every entry that a package publishes. Run by `npm run docs:api`.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application, Converter, ReflectionKind } from 'typedoc'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')

/** Sources of what a package publishes, by the name under which it is imported: `@vmbus/fcopy/host`. */
function entriesOf(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  return Object.keys(manifest.publishConfig?.exports ?? {})
    .map((entry) => [manifest.name + entry.slice(1), manifest.exports[entry]['@vmbus/source']])
    .filter(([, source]) => source?.endsWith('.ts'))
    .map(([name, source]) => [join(root, folder, source), name])
}

const folders = [...readdirSync(join(root, 'packages')).map((name) => join('packages', name)), 'matrix']
const names = new Map(folders.flatMap(entriesOf))
const byModule = new Map([...names].map(([path, name]) => [relative(root, path).replace(/(\/index)?\.ts$/, ''), name]))

const app = await Application.bootstrap({
  name: 'vmbus',
  entryPoints: [...names.keys()],
  basePath: root,
  tsconfig: join(here, 'tsconfig.json'),
  readme: join(here, 'home.md'),
  excludeExternals: true,
  excludeInternal: true,
  disableSources: true,
  disableGit: true,
  treatWarningsAsErrors: true,
})
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
  for (const module of context.project.getReflectionsByKind(ReflectionKind.Module)) {
    const name = byModule.get(module.name)
    if (name !== undefined) module.name = name
  }
})

const project = await app.convert()
if (project !== undefined) await app.generateDocs(project, join(root, 'docs/api'))
if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
