import { render } from 'preact'
import { unpack, type PackedDetails, type PackedResults } from '../src/packed.ts'
import { modelOf } from './model/model.ts'
import { App } from './view/app.tsx'

const dataOf = (id: string) => document.getElementById(id)?.textContent ?? ''
const root = document.querySelector('#page')
const text = dataOf('results')
if (root !== null && text !== '') {
  // `reportHtml` put both into this very file, by their types.
  const results = unpack(JSON.parse(text) as PackedResults, () => JSON.parse(dataOf('details')) as PackedDetails)
  render(<App model={modelOf(results, new Date().toISOString().slice(0, 10))} />, root)
}
