import { defineConfig } from 'vite'
import { viteSingleFile } from 'vite-plugin-singlefile'

/** One file, for browsers of the last years; what it shows is put in later, by `reportHtml`. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [viteSingleFile()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: '../data', emptyOutDir: false, target: 'es2022', modulePreload: false },
})
