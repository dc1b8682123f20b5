// Builds styles, scripts and fonts into ../built, each under a name with its digest, and packs them; manifest.json has the names.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import * as sass from 'sass';

const HERE = import.meta.dirname;
const OUT = join(HERE, '..', 'built');
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
};

/** Source name of each entry -> name of what became of it. */
function namesOf({ metafile }) {
  const entries = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
  return Object.fromEntries(entries.map(([path, output]) => [basename(output.entryPoint), basename(path)]));
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const worker = namesOf(await esbuild.build({ ...common, entryPoints: ['src/hash-worker.js'], format: 'esm' }));
const scripts = await esbuild.build({
  ...common,
  entryPoints: ['src/send.js', 'src/receipt.js'],
  format: 'esm',
  splitting: true,
  define: { HASH_WORKER: JSON.stringify(`./${worker['hash-worker.js']}`) },
});
const { css } = sass.compile(join(HERE, 'src', 'portal.scss'), {
  loadPaths: [join(HERE, 'node_modules')],
  quietDeps: true,
  silenceDeprecations: ['import'],
});
writeFileSync(join(OUT, 'portal.css'), css);
const styles = await esbuild.build({
  ...common,
  entryPoints: [join(OUT, 'portal.css')],
  loader: { '.woff2': 'file', '.svg': 'dataurl' },
});
rmSync(join(OUT, 'portal.css'));
const pictures = await esbuild.build({ ...common, bundle: false, entryPoints: ['src/icon.svg'], loader: { '.svg': 'copy' } });

const manifest = { ...worker, ...namesOf(scripts), ...namesOf(styles), ...namesOf(pictures) };
for (const name of readdirSync(OUT).filter((name) => PACKED.test(name))) {
  const raw = readFileSync(join(OUT, name));
  writeFileSync(join(OUT, `${name}.br`), brotliCompressSync(raw));
  writeFileSync(join(OUT, `${name}.gzip`), gzipSync(raw, { level: 9 }));
}
writeFileSync(join(OUT, 'licences.txt'), licences());
writeFileSync(join(OUT, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`); // last: it says that the rest is there

/** The licences of everything of others that a browser is sent. */
function licences() {
  const { dependencies } = JSON.parse(readFileSync(join(HERE, 'package.json')));
  const wanted = new Set(Object.keys(dependencies));
  const texts = [];
  for (const name of wanted) {
    const folder = join(HERE, 'node_modules', name);
    const about = JSON.parse(readFileSync(join(folder, 'package.json')));
    for (const needed of Object.keys(about.dependencies ?? {})) wanted.add(needed);
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
    texts.push(`${name} ${about.version} (${about.license})\n\n${text}`);
  }
  return `${texts.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}
