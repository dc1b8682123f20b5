// Builds styles, scripts and fonts into ../built, each under a name with its digest, and packs them; manifest.json has the names.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import * as sass from 'sass';

const HERE = import.meta.dirname;
const OUT = join(HERE, '..', 'built');
const SYSTEM = join(HERE, 'node_modules', 'dkfds', 'src');
// The design system's colours, by the properties of src/colours.css that take their place.
const COLOURS = {
  white: 'page', '#1a1a1a': 'text', '#454545': 'soft', '#707070': 'line', '#8e8e8e': 'edge', '#bfbfbf': 'faint',
  '#dcdcdc': 'fainter', '#f5f5f5': 'panel', '#004d99': 'link', '#000040': 'link-strong', '#800080': 'visited',
  '#358000': 'good', '#ddf7ce': 'good-light', '#cc0000': 'bad', '#ffe0e0': 'bad-light', '#febb30': 'warn',
  '#ffeecc': 'warn-light', '#1b86c3': 'info', '#e2f2fb': 'info-light',
};
const PACKED = /\.(css|js|svg)$/;
const common = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  metafile: true,
  outdir: OUT,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  legalComments: 'none', // licences.txt has them
  logLevel: 'warning',
  target: ['es2020', 'chrome80', 'firefox78', 'safari14'],
  supported: { destructuring: true }, // Safari 14 has it, with a bug in a corner that is not used
};

/** Source name of each entry -> name of what became of it, and of what it imports from the start. */
function namesOf({ metafile }) {
  const entries = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
  return Object.fromEntries(
    entries.map(([path, { entryPoint, imports }]) => {
      const needed = imports.filter(({ kind }) => kind === 'import-statement').map((one) => basename(one.path));
      return [basename(entryPoint), [basename(path), ...needed]];
    }),
  );
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const workers = await esbuild.build({ ...common, entryPoints: ['src/hash-worker.js'], format: 'esm' });
const worker = namesOf(workers);
const scripts = await esbuild.build({
  ...common,
  entryPoints: ['src/send.js', 'src/receipt.js'],
  format: 'esm',
  splitting: true,
  define: { HASH_WORKER: JSON.stringify(`./${worker['hash-worker.js'][0]}`) },
});
writeFileSync(join(OUT, 'portal.css'), styles());
const styled = await esbuild.build({
  ...common,
  publicPath: '/assets', // the sheet also stands in pages, from which its own folder is another
  entryPoints: [join(OUT, 'portal.css')],
  loader: { '.woff2': 'file', '.svg': 'dataurl' },
});
rmSync(join(OUT, 'portal.css'));
const pictures = await esbuild.build({ ...common, bundle: false, entryPoints: ['src/icon.svg'], loader: { '.svg': 'copy' } });

const manifest = { ...worker, ...namesOf(scripts), ...namesOf(styled), ...namesOf(pictures) };
for (const name of readdirSync(OUT).filter((name) => PACKED.test(name))) {
  const raw = readFileSync(join(OUT, name));
  writeFileSync(join(OUT, `${name}.br`), brotliCompressSync(raw));
  writeFileSync(join(OUT, `${name}.gzip`), gzipSync(raw, { level: 9 }));
}
writeFileSync(join(OUT, 'licences.txt'), licences([workers, scripts]));
writeFileSync(join(OUT, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`); // last: it says that the rest is there

/** The licences of everything of others that a browser is sent. */
function licences(builds) {
  const inputs = builds.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean);
  const texts = [...new Set(['dkfds', ...packages])].map((name) => {
    const folder = join(HERE, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json')));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    if (!files.length) throw new Error(`${name} comes without its licence`);
    const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
    return `${name} ${version} (${license})\n\n${text}`;
  });
  return `${texts.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}

/** The style sheet: the design system's parts and our own, with the colours as properties. */
function styles() {
  const { css } = sass.compile(join(HERE, 'src', 'portal.scss'), { loadPaths: [join(HERE, 'node_modules')], quietDeps: true });
  const named = css
    .replace('@charset "UTF-8";', '')
    .replace(/:\s*white\b/g, `: var(--${COLOURS.white})`)
    .replace(/#[0-9a-f]{6}\b/gi, (colour) => {
      const name = COLOURS[colour.toLowerCase()];
      if (!name) throw new Error(`the design system has a colour that src/colours.css has no name for: ${colour}`);
      return `var(--${name})`;
    })
    .replaceAll('../img/', `${join(SYSTEM, 'img')}/`)
    .replaceAll('fonts:', `${join(SYSTEM, 'fonts', 'IBMPlexSans', 'split', 'woff2')}/`);
  return readFileSync(join(HERE, 'src', 'colours.css'), 'utf8') + named;
}
